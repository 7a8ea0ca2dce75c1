// /v1/checks and /v1/tenants/{tenant}/verifications: is everything there, does it read back, does it restore to equal tables.
import { z } from 'zod'
import { PROOF_LEVELS } from '../../domain/proof-level.js'
import { readWords } from '../../domain/schedule.js'
import { subjectNamed } from '../../domain/subject.js'
import { CHECK, VERIFY } from '../../jobs/errands-store.js'
import { allInStore, inStore } from '../../jobs/known-at-once.js'
import { assertSees } from '../caller.js'
import { callerOf } from '../guard.js'
import { SECURITY, tenantName, tenantParam } from '../shapes.js'
import { startAnswers, startErrand, startHeaders, waitField } from '../starting.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

export function checkRoutes(server: ApiServer, works: Works): void {
  storeRoute(server, works)
  verifyRoute(server, works)
}

function storeRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags: ['checks'],
    summary: 'Look whether everything is there that the backups need, and read some or all of it back',
    security: SECURITY,
    headers: startHeaders,
    body: z.strictObject({
      tenants: z.array(tenantName).max(1000).default([]).describe('Only these; everything when left out'),
      read: readWords.default('none').describe('none, all, or a random share like 5%'),
      wait: waitField,
    }),
    response: startAnswers,
  }
  server.post(
    '/checks',
    { schema, config: { needs: 'operator', changes: 'check' } },
    async (request, reply) => {
      const { tenants: names, read, wait } = request.body
      assertSees(callerOf(request), null)
      const asked = { request, wait, subject: null, known: allInStore(names) }
      const order = { names, read, nights: ROTATION_NIGHTS, budgetBytes: null }
      const { status, run } = await startErrand(works, asked, CHECK, order)
      return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
    },
  )
}

/** As the shipped schedule has it. */
const ROTATION_NIGHTS = 30

function verifyRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags: ['checks'],
    summary:
      'Verify a tenant by its newest backup, or one backup of it; the verdict is kept beside it in the store',
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
      level: z
        .enum(PROOF_LEVELS)
        .default('restore')
        .describe('How far to look: all there, read back whole, or restored and compared'),
      wait: waitField,
    }),
    response: startAnswers,
  }
  const config = { needs: 'operator', changes: 'verify' } as const
  server.post('/tenants/:tenant/verifications', { schema, config }, async (request, reply) => {
    const subject = subjectNamed(request.params.tenant)
    assertSees(callerOf(request), subject)
    const { backup, level, wait } = request.body
    const order = { subject, backup, level }
    const asked = { request, wait, subject, known: inStore(subject, backup) }
    const { status, run } = await startErrand(works, asked, VERIFY, order)
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}
