// Starting a run over HTTP: once a key, answered with the run at once or, when asked to wait, with how it ended.
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Failure } from '../domain/errors.js'
import type { Trigger } from '../domain/run-events.js'
import type { SubjectId } from '../domain/subject.js'
import type { Errand } from '../jobs/errand.js'
import type { KnownAtOnce } from '../jobs/known-at-once.js'
import type { JobContext, Parts } from '../jobs/parts.js'
import type { RunJob } from '../jobs/playbook-steps.js'
import type { JobEnd, JobRequest, Runner, RunResult } from '../jobs/runner.js'
import { type Started, startRun } from '../jobs/start-run.js'
import { callerOf } from './guard.js'
import { answers, runShape, runView } from './shapes.js'
import type { Works } from './works.js'

/** What every route that starts a run accepts as headers and answers with. */
export const startHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('The same request under the same key starts one run, however often it is sent, for a week'),
})

export const startAnswers = answers({
  200: runShape.describe('The run, ended: it was waited for'),
  202: runShape.describe('The run, started: follow /v1/runs/{id}/events'),
})

export const waitField = z
  .boolean()
  .default(false)
  .describe('Answer when the run has ended: 200 when it succeeded, its failure as a problem when not')

interface Asked {
  request: FastifyRequest
  wait: boolean
  /** What the run is about; null: the platform as a whole. */
  subject: SubjectId | null
  /** For the audit, where it is about neither a subject nor all. */
  about?: string
  /** Refuses what names nothing, before a run is started. */
  known?: KnownAtOnce
}

/** Nobody waits longer for being told that there is no such tenant: then the run tells it. */
const KNOWN_WITHIN_MS = 10_000

interface Answer {
  status: 200 | 202
  run: z.output<typeof runShape>
}

/** Starts a job on fresh parts. @throws Failure subject-busy, key-reused, interrupted; the run's own when waited for. */
export function startJob(
  works: Works,
  asked: Asked,
  job: Omit<JobRequest, 'trigger'>,
  body: (parts: Parts, context: JobContext) => Promise<JobEnd>,
): Promise<Answer> {
  return start(works, asked, runner =>
    runner.run({ ...job, trigger: triggerOf(asked.request) }, async context =>
      body(await works.freshParts(), announced(context)),
    ),
  )
}

/**
 * Starts an errand: what a route does is what the command line's word for it does, and its report stays with the run.
 * @throws Failure as startJob.
 */
export const startErrand = <Errandish, Told>(
  works: Works,
  asked: Asked,
  errand: Errand<Errandish, Told>,
  order: Errandish,
): Promise<Answer> =>
  start(works, asked, async runner =>
    performed(runner, await works.freshParts(), asked.request, errand, order),
  )

/** One run of an errand; `facts` are kept beside its own. */
export const performed = <Asked, Told>(
  runner: Runner,
  parts: Parts,
  request: FastifyRequest,
  errand: Errand<Asked, Told>,
  order: Asked,
  facts: Record<string, unknown> = {},
): Promise<RunResult> =>
  runner.run({ ...errand.job(order), trigger: triggerOf(request) }, async context => {
    const { told, ...end } = await errand.perform(parts, order, announced(context))
    return { ...end, facts: { ...end.facts, ...facts }, report: told }
  })

/** A person at the command line is one, whoever does it for them. */
const triggerOf = (request: FastifyRequest): Trigger => (callerOf(request).token === null ? 'manual' : 'api')

/** Starts whatever runs one job on the runner it is given. @throws Failure as startJob. */
export async function start(
  works: Works,
  { request, wait, subject, about, known }: Asked,
  launch: (runner: Runner) => Promise<RunResult>,
): Promise<Answer> {
  request.about = about ?? subject ?? 'all'
  if (works.stopping.aborted) throw new Failure('interrupted', 'the daemon is stopping')
  // Within the key: a request that is sent again is answered with its run, whoever is gone since.
  const begin = async (): Promise<Started> => {
    await known?.(works.parts(), AbortSignal.any([works.stopping, AbortSignal.timeout(KNOWN_WITHIN_MS)]))
    return startRun(works.runner, launch)
  }
  const key = request.headers['idempotency-key']
  const { who } = callerOf(request)
  const { run, ended } =
    typeof key === 'string'
      ? await works.once.start({ who, key, request: wordsOf(request) }, begin)
      : await begin()
  request.run = run
  const result = wait && ended ? await ended : null
  if (result?.failure) throw result.failure
  const found = result?.run ?? works.journal.run(run)
  if (!found) throw new Failure('run-unknown', `there is no run ${run}`)
  return { status: found.outcome === 'running' ? 202 : 200, run: runView(found) }
}

/** Lets work run several jobs, the outermost first; how that one ended is how the whole did. */
export async function stepByStep(
  request: FastifyRequest,
  runner: Runner,
  work: (runJob: RunJob) => Promise<unknown>,
): Promise<RunResult> {
  const ended: RunResult[] = []
  const runJob: RunJob = async (job, body) => {
    const done: { result?: Awaited<ReturnType<typeof body>>['result'] } = {}
    const result = await runner.run({ ...job, trigger: triggerOf(request) }, async context => {
      const { result: made, ...end } = await body(announced(context))
      done.result = made
      return end
    })
    ended.push(result)
    if (result.failure) throw result.failure
    return done.result as NonNullable<typeof done.result>
  }
  await work(runJob).catch(thrown => {
    // What a run failed of is in its result; without a run nothing was started.
    if (ended.length === 0) throw thrown
  })
  const last = ended.at(-1)
  if (!last) throw new Failure('unexpected', 'a playbook ran without a run')
  return last
}

const wordsOf = ({ method, url, body }: FastifyRequest): string => JSON.stringify([method, url, body ?? null])

/** Tells whoever follows the events how far each subject is. */
export const announced = (context: JobContext): JobContext => ({
  ...context,
  watch: {
    planned: subjects => context.emit({ type: 'run-planned', facts: { subjects } }),
    progress: (subject, progress) => context.emit({ type: 'progress', subject, facts: { ...progress } }),
  },
})
