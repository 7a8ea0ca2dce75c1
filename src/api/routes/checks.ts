// /v1/tenants/{tenant}/verifications: is a backup all there, does it read back, does it restore to equal tables.
import { z } from 'zod'
import { PROOF_LEVELS } from '../../domain/records.js'
import { subjectNamed } from '../../jobs/open-backup.js'
import { endOfVerify, verifyBackup } from '../../jobs/verify.js'
import { assertSees } from '../caller.js'
import { callerOf } from '../guard.js'
import { SECURITY, tenantParam } from '../shapes.js'
import { startAnswers, startHeaders, startJob, waitField } from '../starting.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

export function checkRoutes(server: ApiServer, works: Works): void {
  const schema = {
    tags: ['checks'],
    summary: 'Verify one backup; the verdict is kept beside it in the store',
    security: SECURITY,
    params: tenantParam,
    headers: startHeaders,
    body: z.strictObject({
      backup: z
        .string()
        .min(1)
        .max(40)
        .default('latest')
        .describe('latest, a backup id or its beginning, or an instant'),
      level: z.enum(PROOF_LEVELS).default('restore'),
      wait: waitField,
    }),
    response: startAnswers,
  }
  const config = { needs: 'operator', changes: 'verify' } as const
  server.post('/tenants/:tenant/verifications', { schema, config }, async (request, reply) => {
    const subject = subjectNamed(request.params.tenant)
    assertSees(callerOf(request), subject)
    const { backup, level, wait } = request.body
    const job = { name: 'verify', subject }
    const { status, run } = await startJob(works, { request, wait, subject }, job, async (parts, context) => {
      return endOfVerify(await verifyBackup(parts, { subject, backup, level }, context))
    })
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}
