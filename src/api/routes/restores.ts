// /v1/restores: first a plan that says what would happen, then the restore, from that plan alone.
import { z } from 'zod'
import { subjectNamed } from '../../jobs/open-backup.js'
import { makePlan, startPlanned } from '../../jobs/planned-restore.js'
import { assertSees } from '../caller.js'
import { callerOf } from '../guard.js'
import { planShape, planView } from '../plan-shape.js'
import { answers, SECURITY, tenantName } from '../shapes.js'
import { announced, start, startAnswers, startHeaders, waitField } from '../starting.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const tags = ['restores']
const planId = z.string().regex(/^[0-9a-f]{12}$/)
const params = z.strictObject({ id: planId })
const newPlan = z.strictObject({
  tenant: tenantName,
  backup: z
    .string()
    .min(1)
    .max(40)
    .default('latest')
    .describe('latest, a backup id or its beginning, or an instant'),
  database: z.string().min(1).max(63).describe('Name of the new database; it must not exist'),
  withRoles: z.boolean().default(false).describe('Create missing roles from the newest globals backup'),
})
const newRestore = z.strictObject({
  plan: planId,
  reason: z.string().trim().min(3).max(500).describe('Why; it is kept in the audit and in the run'),
  wait: waitField,
})
const PLANNING_MS = 120_000

export function restoreRoutes(server: ApiServer, works: Works): void {
  planRoutes(server, works)
  startRoute(server, works)
}

function planRoutes(server: ApiServer, works: Works): void {
  const make = {
    tags,
    summary: 'What a restore would do; changes nothing',
    security: SECURITY,
    body: newPlan,
    response: answers({ 201: planShape }),
  }
  const config = { needs: 'operator', changes: 'restore plan' } as const
  server.post('/restores/plans', { schema: make, config }, async (request, reply) => {
    const { tenant, ...more } = request.body
    const subject = subjectNamed(tenant)
    request.about = subject
    const caller = callerOf(request)
    assertSees(caller, subject)
    const parts = works.parts()
    const signal = AbortSignal.timeout(PLANNING_MS)
    const stored = await makePlan(
      parts,
      works.restorePlans,
      { subject, ...more },
      {
        who: caller.who,
        validMs: parts.config.api.planMs,
        signal,
      },
    )
    return reply.status(201).header('location', `/v1/restores/plans/${stored.id}`).send(planView(stored))
  })
  const show = {
    tags,
    summary: 'A plan, as it was made',
    security: SECURITY,
    params,
    response: answers({ 200: planShape }),
  }
  server.get('/restores/plans/:id', { schema: show, config: { needs: 'viewer' } }, async request => {
    const stored = works.restorePlans.get(request.params.id)
    assertSees(callerOf(request), stored.subject)
    return planView(stored)
  })
}

function startRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'Start the restore that was planned',
    security: SECURITY,
    headers: startHeaders,
    body: newRestore,
    response: startAnswers,
  }
  const config = { needs: 'operator', changes: 'restore' } as const
  server.post('/restores', { schema, config }, async (request, reply) => {
    const { plan: id, reason, wait } = request.body
    const { who, ...caller } = callerOf(request)
    const { subject } = works.restorePlans.get(id)
    request.about = subject
    request.note = `plan ${id}: ${reason}`
    assertSees({ who, ...caller }, subject)
    const { status, run } = await start(works, { request, wait, subject }, async runner =>
      startPlanned(await works.freshParts(), works.restorePlans, id, {
        runner,
        starter: { who, reason },
        watch: announced,
      }),
    )
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}
