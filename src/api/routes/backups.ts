// /v1/backups and /v1/tenants/{tenant}/backups: what the store holds, and backing up now (before a migration, too).
import { z } from 'zod'
import { BACKUP_KINDS } from '../../domain/manifest.js'
import { subjectName, subjectNamed } from '../../domain/subject.js'
import { backupAll, backupJob } from '../../jobs/backup-all.js'
import { endOfNight } from '../../jobs/backup-report.js'
import { onServer } from '../../jobs/known-at-once.js'
import { openBackup } from '../../jobs/open-backup.js'
import type { CatalogueEntry } from '../../repository/catalogue.js'
import { assertSees, sees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, limitQuery, SECURITY, tenantName, tenantParam } from '../shapes.js'
import { startAnswers, startHeaders, startJob, waitField } from '../starting.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const count = z.int().nonnegative()

export const backupShape = z.strictObject({
  id: z.string(),
  subject: z.string(),
  instant: z.string(),
  kind: z.enum(BACKUP_KINDS),
  label: z.string().nullable(),
  database: z.string().nullable(),
  server: z.string().nullable(),
  tables: count,
  rows: count,
  bytes: count,
  newBytes: count,
  newStoredBytes: count,
  reusedBytes: count,
  storedBytes: count,
  seconds: z.number(),
})

export const backupView = (entry: CatalogueEntry): z.output<typeof backupShape> => ({
  id: entry.id,
  subject: entry.subject,
  instant: entry.instant,
  kind: entry.kind,
  label: entry.label,
  database: entry.database,
  server: entry.server,
  tables: entry.tables,
  rows: entry.rows,
  bytes: entry.bytes,
  newBytes: entry.newBytes,
  newStoredBytes: entry.newStoredBytes,
  reusedBytes: entry.reusedBytes,
  storedBytes: entry.storedBytes,
  seconds: entry.seconds,
})

const tableShape = z.strictObject({
  schema: z.string(),
  name: z.string(),
  rows: count,
  bytes: count,
  digest: z.string(),
})

const tags = ['backups']
const backups = z.strictObject({ backups: z.array(backupShape) })
const newBackup = z.strictObject({
  label: z.string().trim().min(1).max(1000).optional().describe('A note that the backup carries'),
  kind: z.enum(['manual', 'before-migration']).default('manual'),
  wait: waitField,
})

const newBackups = newBackup.extend({
  tenants: z.array(tenantName).min(1).max(1000).optional().describe('Only these; everything when left out'),
})

export function backupRoutes(server: ApiServer, works: Works): void {
  listRoutes(server, works)
  showRoute(server, works)
  startRoutes(server, works)
}

function listRoutes(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'What the store holds, newest first',
    security: SECURITY,
    querystring: z.strictObject({ limit: limitQuery(1000, 100) }),
    response: answers({ 200: backups }),
  }
  const config = { needs: 'viewer' } as const
  server.get('/backups', { schema, config }, async request => {
    const caller = callerOf(request)
    const entries = works.parts().catalogue.list(caller.tenants ? {} : { limit: request.query.limit })
    const seen = entries.filter(entry => sees(caller, entry.subject)).slice(0, request.query.limit)
    return { backups: seen.map(backupView) }
  })
  const ofTenant = { ...schema, summary: "A tenant's backups, newest first", params: tenantParam }
  server.get('/tenants/:tenant/backups', { schema: ofTenant, config }, async request => {
    const subject = subjectNamed(request.params.tenant)
    assertSees(callerOf(request), subject)
    const entries = works.parts().catalogue.list({ subject, limit: request.query.limit })
    return { backups: entries.map(backupView) }
  })
}

function showRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'One backup: its tables, rows and sizes',
    security: SECURITY,
    params: z.strictObject({ id: z.string().regex(/^[0-9a-f]{4,12}$/) }),
    response: answers({ 200: z.strictObject({ backup: backupShape, tables: z.array(tableShape) }) }),
  }
  server.get('/backups/:id', { schema, config: { needs: 'viewer' } }, async request => {
    const { catalogue, repository } = works.parts()
    const entry = catalogue.find(request.params.id)
    assertSees(callerOf(request), entry.subject)
    const { manifest } = await openBackup(repository, entry.subject, entry.id)
    const tables = manifest.dump?.tables ?? []
    return {
      backup: backupView(entry),
      tables: tables.map(({ schema, name, rows, bytes, digest }) => ({ schema, name, rows, bytes, digest })),
    }
  })
}

function startRoutes(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'Back up every tenant, the master and the roles now, or some of them',
    security: SECURITY,
    headers: startHeaders,
    body: newBackups,
    response: startAnswers,
  }
  const config = { needs: 'operator', changes: 'backup' } as const
  server.post('/backups', { schema, config }, async (request, reply) => {
    const { kind, label = null, tenants: names = [], wait } = request.body
    const [only = null, ...more] = names.map(subjectNamed)
    const subject = more.length === 0 ? only : null
    const caller = callerOf(request)
    assertSees(caller, subject)
    // The command line tells of the run that failed of it, as it does without a daemon.
    const known = onServer(caller.token === null ? [] : names)
    const { status, run } = await startJob(
      works,
      { request, wait, subject, known },
      backupJob(names),
      async (parts, context) => endOfNight(await backupAll(parts, { kind, label, names }, context)),
    )
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
  const ofTenant = {
    ...schema,
    summary: 'Back up one tenant now; the hook for a deploy that migrates',
    body: newBackup,
    params: tenantParam,
  }
  server.post('/tenants/:tenant/backups', { schema: ofTenant, config }, async (request, reply) => {
    const subject = subjectNamed(request.params.tenant)
    assertSees(callerOf(request), subject)
    const { kind, label = null, wait } = request.body
    const names = [subjectName(subject)]
    const job = { ...backupJob(names), subject }
    const asked = { request, wait, subject, known: onServer(names) }
    const { status, run } = await startJob(works, asked, job, async (parts, context) =>
      endOfNight(await backupAll(parts, { kind, label, names }, context)),
    )
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}
