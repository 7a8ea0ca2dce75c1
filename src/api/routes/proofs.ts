// /v1/backups/{id}/proofs: what was found of a backup, and looking now: is it stored, does it read back, does it restore.
import { z } from 'zod'
import { PROOF_LEVELS } from '../../domain/records.js'
import { assertPassed, verifyBackup } from '../../jobs/verify.js'
import { assertSees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, SECURITY } from '../shapes.js'
import { startAnswers, startHeaders, startJob, waitField } from '../starting.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const tags = ['backups']
const params = z.strictObject({ id: z.string().regex(/^[0-9a-f]{4,12}$/) })
const level = z.enum(PROOF_LEVELS)

const proofShape = z.strictObject({
  at: z.string(),
  level,
  outcome: z.enum(['passed', 'failed']),
  loadSeconds: z.number().nullable().describe('Of the load alone; null below a restore'),
  seconds: z.number(),
  differences: z.array(z.string()).describe('What was not as it should be, a line each'),
})

const newProof = z.strictObject({
  level: level
    .default('restore')
    .describe('How far to look: all there, read back whole, or restored and compared'),
  wait: waitField,
})

export function proofRoutes(server: ApiServer, works: Works): void {
  const shown = {
    tags,
    summary: 'What was found of a backup, newest first',
    security: SECURITY,
    params,
    response: answers({ 200: z.strictObject({ proofs: z.array(proofShape) }) }),
  }
  server.get('/backups/:id/proofs', { schema: shown, config: { needs: 'viewer' } }, async request => {
    const { catalogue } = works.parts()
    const { id, subject } = catalogue.find(request.params.id)
    assertSees(callerOf(request), subject)
    const proofs = catalogue.proofs
      .list({ backup: id })
      .map(({ key: _key, subject: _subject, backup: _backup, ...one }) => one)
    return { proofs }
  })
  const schema = {
    tags,
    summary: 'Verify a backup now; the verdict is kept beside it in the store',
    security: SECURITY,
    params,
    headers: startHeaders,
    body: newProof,
    response: startAnswers,
  }
  const config = { needs: 'operator', changes: 'verify' } as const
  server.post('/backups/:id/proofs', { schema, config }, async (request, reply) => {
    const { id, subject } = works.parts().catalogue.find(request.params.id)
    assertSees(callerOf(request), subject)
    const asked = { subject, backup: id, level: request.body.level }
    const job = { name: 'verify', subject }
    const waiting = { request, wait: request.body.wait, subject }
    const { status, run } = await startJob(works, waiting, job, async (parts, context) => {
      const { record } = await verifyBackup(parts, asked, context)
      assertPassed(record)
      return { outcome: 'succeeded', facts: { backup: id, level: record.level, seconds: record.seconds } }
    })
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}
