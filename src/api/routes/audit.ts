// /v1/audit: who changed what, from where, and how it went.
import { z } from 'zod'
import { OUTCOMES } from '../../domain/run-events.js'
import { assertSees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, limitQuery, SECURITY } from '../shapes.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const line = z.strictObject({
  seq: z.int(),
  at: z.date(),
  who: z.string(),
  action: z.string(),
  target: z.string(),
  outcome: z
    .enum(['allowed', 'refused', 'failed'])
    .describe('Of the request: how the run that it started ended is in `ended`'),
  run: z.string().nullable().describe('The run that it started'),
  ended: z.enum(OUTCOMES).nullable().describe('How that run ended, or running'),
  detail: z.string().nullable(),
  origin: z.string().nullable(),
  hash: z.string().nullable(),
})

export function auditRoutes(server: ApiServer, works: Works): void {
  const schema = {
    tags: ['audit'],
    summary: 'Who changed what, newest first; each line is chained to the one before by its hash',
    security: SECURITY,
    querystring: z.strictObject({ limit: limitQuery(1000, 100) }),
    response: answers({ 200: z.strictObject({ lines: z.array(line) }) }),
  }
  server.get('/audit', { schema, config: { needs: 'admin' } }, async request => {
    assertSees(callerOf(request), null)
    return { lines: works.journal.auditLines({ limit: request.query.limit }) }
  })
}
