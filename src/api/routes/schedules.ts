// /v1/schedules: what runs by itself, holding it back, and running it now.
import { z } from 'zod'
import { Failure } from '../../domain/errors.js'
import { runSchedule } from '../../jobs/daemon-work.js'
import type { ScheduleStatus } from '../../jobs/scheduler.js'
import { assertSees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, runShape, runView, SECURITY } from '../shapes.js'
import { start, startAnswers, startHeaders, waitField } from '../starting.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const shape = z.strictObject({
  name: z.string(),
  job: z.string(),
  why: z.string(),
  cron: z.string(),
  timeZone: z.string(),
  freshnessWindowMs: z.number(),
  paused: z.boolean(),
  next: z.date().nullable(),
  lastRun: runShape.nullable(),
  lastSuccess: runShape.nullable(),
})

const view = ({ schedule, paused, next, lastRun, lastSuccess }: ScheduleStatus): z.output<typeof shape> => ({
  name: schedule.name,
  job: schedule.job,
  why: schedule.why,
  cron: schedule.cron,
  timeZone: schedule.timeZone,
  freshnessWindowMs: schedule.freshnessWindowMs,
  paused,
  next,
  lastRun: lastRun && runView(lastRun),
  lastSuccess: lastSuccess && runView(lastSuccess),
})

const tags = ['schedules']
const params = z.strictObject({ name: z.string().min(1).max(200) })

export function scheduleRoutes(server: ApiServer, works: Works): void {
  const list = {
    tags,
    summary: 'What runs when, and how it went last',
    security: SECURITY,
    response: answers({ 200: z.strictObject({ schedules: z.array(shape) }) }),
  }
  server.get('/schedules', { schema: list, config: { needs: 'viewer' } }, async request => {
    assertSees(callerOf(request), null)
    return { schedules: works.scheduler.status().map(view) }
  })
  holdRoute(server, works, 'pause', 'Start no more runs of it until it is resumed')
  holdRoute(server, works, 'resume', 'Start runs of it again; what came due meanwhile is not made up for')
  runRoute(server, works)
}

function holdRoute(server: ApiServer, works: Works, verb: 'pause' | 'resume', summary: string): void {
  const schema = { tags, summary, security: SECURITY, params, response: answers({ 200: shape }) }
  const config = { needs: 'admin', changes: `schedule ${verb}` } as const
  server.post(`/schedules/:name/${verb}`, { schema, config }, async request => {
    const { name } = request.params
    const caller = callerOf(request)
    assertSees(caller, null)
    works.scheduler[verb](name, caller.who)
    return view(named(works, name))
  })
}

function runRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'Run its job now',
    security: SECURITY,
    params,
    headers: startHeaders,
    body: z.strictObject({ wait: waitField }),
    response: startAnswers,
  }
  const config = { needs: 'operator', changes: 'schedule run' } as const
  server.post('/schedules/:name/runs', { schema, config }, async (request, reply) => {
    assertSees(callerOf(request), null)
    const { schedule } = named(works, request.params.name)
    const asked = { request, wait: request.body.wait, subject: null }
    const { status, run } = await start(works, asked, runner =>
      runSchedule(works.freshParts, runner, schedule, { trigger: 'api' }, works.sendDigest),
    )
    return reply.status(status).header('location', `/v1/runs/${run.id}`).send(run)
  })
}

function named(works: Works, name: string): ScheduleStatus {
  const found = works.scheduler.status().find(one => one.schedule.name === name)
  if (!found) throw new Failure('schedule-unknown', `there is no schedule ${name}`)
  return found
}
