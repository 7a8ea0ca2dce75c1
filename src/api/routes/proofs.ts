// /v1/backups/{id}/proofs: what was found of a backup whenever it was verified: is it stored, does it read back, does it restore.
import { z } from 'zod'
import { PROOF_LEVELS } from '../../domain/proof-level.js'
import { assertSees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, SECURITY } from '../shapes.js'
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
}
