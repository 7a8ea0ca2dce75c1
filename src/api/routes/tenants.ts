// /v1/tenants: what is on the server, and what of it is backed up.
import { z } from 'zod'
import { subjectName } from '../../domain/subject.js'
import { listTenants } from '../../jobs/list-tenants.js'
import { sees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, SECURITY } from '../shapes.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'
import { backupShape, backupView } from './backups.js'

const tenants = z.strictObject({
  tenants: z.array(
    z.strictObject({
      name: z.string(),
      subject: z.string(),
      database: z.string().nullable(),
      newest: backupShape.nullable(),
    }),
  ),
  skipped: z.array(z.strictObject({ database: z.string(), reason: z.string() })),
  drift: z.array(
    z.strictObject({
      kind: z.string(),
      database: z.string(),
      tenant: z.string().optional(),
      status: z.string().optional(),
      reason: z.string().optional(),
    }),
  ),
  problems: z.array(z.string()),
})

const LOOK_MS = 60_000

export function tenantRoutes(server: ApiServer, works: Works): void {
  const schema = {
    tags: ['tenants'],
    summary: 'The databases on the server, each with its newest backup',
    security: SECURITY,
    response: answers({ 200: tenants }),
  }
  server.get('/tenants', { schema, config: { needs: 'viewer' } }, async request => {
    const caller = callerOf(request)
    const report = await listTenants(works.parts(), AbortSignal.timeout(LOOK_MS))
    const platform = sees(caller, null)
    return {
      tenants: report.subjects
        .filter(one => sees(caller, one.subject))
        .map(({ subject, database, newest }) => ({
          name: subjectName(subject),
          subject,
          database,
          newest: newest && backupView(newest),
        })),
      skipped: platform ? report.skipped : [],
      drift: platform ? report.drift : [],
      problems: platform ? report.problems : [],
    }
  })
}
