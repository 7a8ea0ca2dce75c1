// /v1/archives and /v1/tenants/{tenant}/archives: the monthly archives there are, what is in one, making and verifying one.
import { z } from 'zod'
import { type ArchiveHead, exceptionSchema } from '../../domain/archive.js'
import { monthOf } from '../../domain/archive-name.js'
import { subjectNamed } from '../../domain/subject.js'
import { whichBackup } from '../../jobs/errand.js'
import { ARCHIVE, ARCHIVE_VERIFY } from '../../jobs/errands-store.js'
import { archived, inStore } from '../../jobs/known-at-once.js'
import { listAllArchives, type StoredArchive } from '../../jobs/list-archives.js'
import { archiveItems, type OpenArchive, openArchive } from '../../jobs/open-archive.js'
import { assertSees, sees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, archiveParams, SECURITY, tenantParam } from '../shapes.js'
import { startAnswers, startErrand, startHeaders, waitField } from '../starting.js'
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
      exceptions: z
        .array(exceptionSchema)
        .describe('What could not be had as it was listed; after all entries'),
      next: count.nullable().describe('There is more from this number on; null: that was all'),
    })
    .nullable()
    .describe('null: it has no index'),
})

type Contents = NonNullable<z.output<typeof contentsShape>['contents']>

const newArchive = z.strictObject({
  month: z
    .string()
    .regex(/^\d{4}-(0[1-9]|1[0-2])$/)
    .optional()
    .describe('The month it is named after; this one when left out'),
  backup: whichBackup.default('latest').describe('Made from: latest, a backup id, or an instant'),
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

/** A tenant may have a million files: they are told by pages. */
const page = z.strictObject({
  from: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe('The number of the first one; 0 is the first of all'),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(1000)
    .describe('Entries and exceptions in one answer'),
})

function showRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'What is in an archive, by its index',
    security: SECURITY,
    params: archiveParams,
    querystring: page,
    response: answers({ 200: contentsShape }),
  }
  server.get('/tenants/:tenant/archives/:archive', { schema, config: { needs: 'viewer' } }, async request => {
    const subject = subjectNamed(request.params.tenant)
    assertSees(callerOf(request), subject)
    const parts = await works.freshParts()
    const opened = await openArchive(parts, subject, request.params.archive, works.stopping)
    const { stored, head } = opened
    return { archive: archiveView(stored), contents: head && (await contentsOf(opened, head, request.query)) }
  })
}

async function contentsOf(
  opened: OpenArchive,
  { createdAt, backup, instant, archive: { sha256 } }: ArchiveHead,
  { from, limit }: z.output<typeof page>,
): Promise<Contents> {
  const contents: Contents = { createdAt, backup, instant, sha256, entries: [], exceptions: [], next: null }
  let number = 0
  for await (const { list, item } of archiveItems(opened)) {
    if (number === from + limit) return { ...contents, next: number }
    if (number++ < from) continue
    if (list === 'exceptions') contents.exceptions.push(item)
    else contents.entries.push({ name: item.name, bytes: item.bytes, sha256: item.sha256 })
  }
  return contents
}

function createRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: "Archive a tenant's newest backup, or the one named, and its files now",
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
    const { month = monthOf(works.clock.now(), zoneOf(works)), backup, wait } = request.body
    const order = { subject, month, backup }
    const asked = { request, wait, subject, known: inStore(subject, backup) }
    const { status, run } = await startErrand(works, asked, ARCHIVE, order)
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
    const { wait } = request.body
    const asked = { request, wait, subject, known: archived(subject, archive) }
    const { status, run } = await startErrand(works, asked, ARCHIVE_VERIFY, { subject, archive })
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}
