// /v1/archives and /v1/tenants/{tenant}/archives: the monthly archives there are, what is in one, making and verifying one.
import { z } from 'zod'
import { exceptionSchema, monthOf } from '../../domain/archive.js'
import { archiveTenant } from '../../jobs/archive-tenant.js'
import { listAllArchives, type StoredArchive } from '../../jobs/list-archives.js'
import { openArchive } from '../../jobs/open-archive.js'
import { subjectNamed } from '../../jobs/open-backup.js'
import { verifyArchive } from '../../jobs/verify-archive.js'
import { assertSees, sees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, archiveParams, SECURITY, tenantParam } from '../shapes.js'
import { startAnswers, startHeaders, startJob, waitField } from '../starting.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const count = z.int().nonnegative()
const tags = ['archives']

const archiveShape = z.strictObject({
  subject: z.string(),
  name: z.string(),
  bytes: count.nullable().describe('null: the archive is gone, only its index is there'),
  storedAt: z.string(),
  indexed: z.boolean().describe('false: nobody has read it back; it counts for nothing'),
})

const archiveView = ({ storedAt, ...more }: StoredArchive): z.output<typeof archiveShape> => ({
  ...more,
  storedAt: storedAt.toISOString(),
})

const contentsShape = z.strictObject({
  archive: archiveShape,
  contents: z
    .strictObject({
      createdAt: z.string(),
      backup: z.string(),
      instant: z.string(),
      sha256: z.string(),
      entries: z.array(z.strictObject({ name: z.string(), bytes: count, sha256: z.string() })),
      exceptions: z.array(exceptionSchema),
    })
    .nullable()
    .describe('null: it has no index'),
})

const newArchive = z.strictObject({
  month: z
    .string()
    .regex(/^\d{4}-(0[1-9]|1[0-2])$/)
    .optional()
    .describe('The month it is named after; this one when left out'),
  wait: waitField,
})

export function archiveRoutes(server: ApiServer, works: Works): void {
  listRoutes(server, works)
  showRoute(server, works)
  createRoute(server, works)
  verifyRoute(server, works)
}

function listRoutes(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'Every monthly archive in the store',
    security: SECURITY,
    response: answers({ 200: z.strictObject({ archives: z.array(archiveShape) }) }),
  }
  const config = { needs: 'viewer' } as const
  server.get('/archives', { schema, config }, async request => {
    const caller = callerOf(request)
    const archives = await listAllArchives(works.parts(), null)
    return { archives: archives.filter(one => sees(caller, one.subject)).map(archiveView) }
  })
  const ofTenant = { ...schema, summary: "A tenant's monthly archives, newest first", params: tenantParam }
  server.get('/tenants/:tenant/archives', { schema: ofTenant, config }, async request => {
    const subject = subjectNamed(request.params.tenant)
    assertSees(callerOf(request), subject)
    return { archives: (await listAllArchives(works.parts(), subject)).map(archiveView) }
  })
}

function showRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'What is in an archive, by its index',
    security: SECURITY,
    params: archiveParams,
    response: answers({ 200: contentsShape }),
  }
  server.get('/tenants/:tenant/archives/:archive', { schema, config: { needs: 'viewer' } }, async request => {
    const subject = subjectNamed(request.params.tenant)
    assertSees(callerOf(request), subject)
    const parts = await works.freshParts()
    const { stored, index } = await openArchive(parts, subject, request.params.archive, works.stopping)
    return {
      archive: archiveView(stored),
      contents: index && {
        createdAt: index.createdAt,
        backup: index.backup,
        instant: index.instant,
        sha256: index.archive.sha256,
        entries: index.entries.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
        exceptions: index.exceptions,
      },
    }
  })
}

function createRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: "Archive a tenant's newest backup and its files now",
    security: SECURITY,
    headers: startHeaders,
    params: tenantParam,
    body: newArchive,
    response: startAnswers,
  }
  const config = { needs: 'operator', changes: 'archive' } as const
  server.post('/tenants/:tenant/archives', { schema, config }, async (request, reply) => {
    const subject = subjectNamed(request.params.tenant)
    assertSees(callerOf(request), subject)
    const { month = monthOf(works.clock.now(), zoneOf(works)), wait } = request.body
    const asked = { request, wait, subject }
    const { status, run } = await startJob(
      works,
      asked,
      { name: 'archive', subject },
      async (parts, context) => {
        const index = await archiveTenant(parts, { subject, month, backup: 'latest' }, context)
        const missing = index.exceptions.filter(one => one.what === 'missing').length
        return { outcome: missing > 0 ? 'partial' : 'succeeded', facts: { archive: index.name, missing } }
      },
    )
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}

const zoneOf = (works: Works): string =>
  works.parts().config.schedules.find(one => one.job === 'archive-tenants')?.timeZone ?? 'UTC'

function verifyRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'Read all of an archive and hold every byte against its sums',
    security: SECURITY,
    headers: startHeaders,
    params: archiveParams,
    body: z.strictObject({ wait: waitField }),
    response: startAnswers,
  }
  const config = { needs: 'operator', changes: 'archive-verify' } as const
  server.post('/tenants/:tenant/archives/:archive/verify', { schema, config }, async (request, reply) => {
    const { tenant, archive } = request.params
    const subject = subjectNamed(tenant)
    assertSees(callerOf(request), subject)
    const asked = { request, wait: request.body.wait, subject }
    const { status, run } = await startJob(
      works,
      asked,
      { name: 'archive-verify', subject },
      async (parts, context) => {
        const { members, bytes } = await verifyArchive(parts, { subject, archive }, context)
        return { outcome: 'succeeded', facts: { archive, members, bytes } }
      },
    )
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}
