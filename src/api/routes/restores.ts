// /v1/restores: first a plan that says what would happen, then the restore, from that plan alone.
import { z } from 'zod'
import { asFailure } from '../../domain/errors.js'
import { parseRunId } from '../../domain/ids.js'
import { subjectName, subjectNamed } from '../../domain/subject.js'
import { assertConfirmed } from '../../jobs/confirmed.js'
import { RESTORE_UNDO } from '../../jobs/errands-restore.js'
import { makePlan, startPlanned } from '../../jobs/planned-restore.js'
import { undoTarget } from '../../jobs/undo-restore.js'
import { assertSees } from '../caller.js'
import { callerOf } from '../guard.js'
import { planShape, planView } from '../plan-shape.js'
import { answers, SECURITY, tenantName } from '../shapes.js'
import { announced, performed, start, startAnswers, startHeaders, waitField } from '../starting.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const tags = ['restores']
const planId = z.string().regex(/^[0-9a-f]{12}$/)
const name = z.string().min(1).max(200)
const params = z.strictObject({ id: planId })
const reason = z.string().trim().min(3).max(500)
const confirm = name.describe("The tenant's name, typed out")
const newPlan = z.strictObject({
  tenant: tenantName,
  backup: z
    .string()
    .min(1)
    .max(40)
    .default('latest')
    .describe('latest, a backup id or its beginning, or an instant'),
  database: z
    .string()
    .min(1)
    .max(63)
    .nullable()
    .describe(
      'Name of the new database, which must not exist; null: in place of the live one, or into a schema of it',
    ),
  tables: z
    .array(z.string().min(1).max(63))
    .min(1)
    .max(1000)
    .optional()
    .describe('Only these tables, with what belongs to them'),
  schema: z.string().min(1).max(63).default('public').describe('The schema of `tables`'),
  intoSchema: z
    .string()
    .min(1)
    .max(63)
    .nullable()
    .default(null)
    .describe('With `tables`: name of a new schema of the live database, where nothing else is touched'),
  archive: z
    .string()
    .regex(/^latest$|^\d{4}-\d\d(-\d+)?$/)
    .nullable()
    .default(null)
    .describe('Out of a monthly archive, into a new database: latest, or its name'),
  withRoles: z.boolean().default(false).describe('Create missing roles from the newest globals backup'),
  withoutSafetyCopy: reason
    .nullable()
    .default(null)
    .describe('In place: why no backup of what is there now is made first; null: one is made'),
})
const newRestore = z.strictObject({
  plan: planId,
  reason: reason.describe('Why; it is kept in the audit and in the run'),
  confirm: confirm.optional().describe("In place: the tenant's name, typed out"),
  wait: waitField,
})
const PLANNING_MS = 120_000

export function restoreRoutes(server: ApiServer, works: Works): void {
  planRoutes(server, works)
  approveRoute(server, works)
  startRoute(server, works)
  undoRoute(server, works)
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
    const { tenant, tables: names, schema, ...more } = request.body
    const tables = names?.map(one => ({ schema, name: one }))
    const subject = subjectNamed(tenant)
    request.about = subject
    const caller = callerOf(request)
    assertSees(caller, subject)
    const parts = works.parts()
    const signal = AbortSignal.timeout(PLANNING_MS)
    const stored = await makePlan(
      parts,
      works.restorePlans,
      { subject, tables, ...more },
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

function approveRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'Approve a plan that somebody else will start; see api.approval',
    security: SECURITY,
    params,
    response: answers({ 200: planShape }),
  }
  const config = { needs: 'operator', changes: 'restore approve' } as const
  server.post('/restores/plans/:id/approvals', { schema, config }, async request => {
    const { id } = request.params
    const caller = callerOf(request)
    const { subject } = works.restorePlans.get(id)
    request.about = subject
    request.note = `plan ${id}`
    assertSees(caller, subject)
    return planView(works.restorePlans.approve(id, caller.who))
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
    const { plan: id, reason: why, confirm: typed = null, wait } = request.body
    const { who, ...caller } = callerOf(request)
    const { subject } = works.restorePlans.get(id)
    request.about = subject
    request.note = `plan ${id}: ${why}`
    assertSees({ who, ...caller }, subject)
    const { status, run } = await start(works, { request, wait, subject }, async runner =>
      startPlanned(await works.freshParts(), works.restorePlans, id, {
        runner,
        starter: { who, reason: why, confirm: typed },
        watch: announced,
      }).catch(thrown => {
        if (asFailure(thrown).code === 'approval-missing')
          works.journal.event({
            type: 'restore-waiting',
            run: null,
            subject,
            facts: { plan: id, who, reason: why },
          })
        throw thrown
      }),
    )
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}

function undoRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'Bring back the database that a restore in place put aside',
    security: SECURITY,
    params: z.strictObject({ run: planId }),
    headers: startHeaders,
    body: z.strictObject({ reason, confirm, wait: waitField }),
    response: startAnswers,
  }
  const config = { needs: 'operator', changes: 'restore undo' } as const
  server.post('/restores/:run/undo', { schema, config }, async (request, reply) => {
    const { reason: why, confirm: typed, wait } = request.body
    const { run: undone } = request.params
    const caller = callerOf(request)
    // A scoped caller learns of a run only what is theirs, also after it was undone and the key is sent again.
    const subject = works.journal.run(parseRunId(undone))?.subject ?? null
    request.about = subject ?? undone
    request.note = `run ${undone}: ${why}`
    assertSees(caller, subject)
    const { status, run } = await start(works, { request, wait, subject }, async runner => {
      const parts = await works.freshParts()
      const target = await undoTarget(parts, undone, AbortSignal.timeout(PLANNING_MS))
      const order = { run: target.run, subject: target.subject, confirm: typed }
      assertConfirmed(subjectName(target.subject), typed)
      return performed(runner, parts, request, RESTORE_UNDO, order, { who: caller.who, reason: why })
    })
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}
