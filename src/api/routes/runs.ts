// /v1/runs and /v1/events: what happened, and what happens now, as a stream that can be taken up where it broke off.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Failure } from '../../domain/errors.js'
import type { StoredEvent } from '../../domain/events.js'
import { parseRunId, type RunId } from '../../domain/ids.js'
import { isLive, type LiveEvent } from '../../domain/live-events.js'
import { OUTCOMES } from '../../domain/run-events.js'
import { subjectNamed } from '../../domain/subject.js'
import { assertCancelled } from '../../jobs/cancellation.js'
import type { Run } from '../../jobs/journal-rows.js'
import { assertSees, sees } from '../caller.js'
import { follow } from '../event-stream.js'
import { callerOf } from '../guard.js'
import { answers, limitQuery, runShape, runView, SECURITY, tenantName } from '../shapes.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const tags = ['runs']
const config = { needs: 'viewer' } as const
const runParam = z.strictObject({ id: z.string().regex(/^[0-9a-f]{12}$/) })
const filter = z.strictObject({
  limit: limitQuery(1000, 50),
  job: z.string().max(100).optional(),
  tenant: tenantName.optional(),
  state: z.enum(OUTCOMES).optional(),
})
/** A browser sends the header by itself, a person types the query. */
const sequence = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const position = {
  headers: z.looseObject({ 'last-event-id': sequence.optional() }),
  querystring: z.strictObject({ after: sequence.optional().describe('As Last-Event-ID') }),
}
const stream = answers({
  200: {
    description: "Server-sent events: id is the journal's sequence number; progress has none",
    content: { 'text/event-stream': { schema: z.string() } },
  },
})
/** Scoped callers see few of the runs: look further back for them. */
const LOOKED_AT = 10_000

export function runRoutes(server: ApiServer, works: Works): void {
  readRoutes(server, works)
  streamRoutes(server, works)
  cancelRoute(server, works)
}

function readRoutes(server: ApiServer, works: Works): void {
  const list = {
    tags,
    summary: 'The runs, newest first',
    security: SECURITY,
    querystring: filter,
    response: answers({ 200: z.strictObject({ runs: z.array(runShape) }) }),
  }
  server.get('/runs', { schema: list, config }, async request => {
    const caller = callerOf(request)
    const { limit, job, tenant, state } = request.query
    const found = works.journal.runs({
      limit: caller.tenants ? LOOKED_AT : limit,
      ...(job === undefined ? {} : { job }),
      ...(tenant === undefined ? {} : { subject: subjectNamed(tenant) }),
      ...(state === undefined ? {} : { state }),
    })
    return {
      runs: found
        .filter(run => sees(caller, run.subject))
        .slice(0, limit)
        .map(runView),
    }
  })
  const one = {
    tags,
    summary: 'One run, and why it failed if it did',
    security: SECURITY,
    params: runParam,
    response: answers({ 200: runShape }),
  }
  server.get('/runs/:id', { schema: one, config }, async request => runView(theRun(works, request)))
}

function streamRoutes(server: ApiServer, works: Works): void {
  const all = {
    tags,
    summary: 'Everything that happens, live',
    security: SECURITY,
    ...position,
    response: stream,
  }
  server.get('/events', { schema: all, config, sse: 'only' }, async (request, reply) => {
    await tell(works, request, reply, null)
  })
  const ofRun = { ...all, summary: 'What happens in one run, live, until it ends', params: runParam }
  server.get('/runs/:id/events', { schema: ofRun, config, sse: 'only' }, async (request, reply) => {
    await tell(works, request, reply, theRun(works, request))
  })
}

/** Asked again it is the same: the run that ends, or has ended so. */
function cancelRoute(server: ApiServer, works: Works): void {
  const schema = {
    tags,
    summary: 'End a run before its time; what it began is cleared away',
    security: SECURITY,
    params: runParam,
    body: z.strictObject({
      reason: z
        .string()
        .trim()
        .min(3)
        .max(500)
        .nullable()
        .default(null)
        .describe('Why; it is kept with the run'),
      wait: z.boolean().default(false).describe('Answer when it has ended: with it, or why it was too late'),
    }),
    response: answers({
      200: runShape.describe('The run, cancelled and cleared away'),
      202: runShape.describe('The run, told to end: follow /v1/runs/{id}/events'),
    }),
  }
  const changes = { needs: 'operator', changes: 'run cancel' } as const
  server.post('/runs/:id/cancel', { schema, config: changes }, async (request, reply) => {
    const { reason, wait } = request.body
    const { id, subject } = theRun(works, request)
    request.about = subject ?? 'all'
    request.note = `run ${id}${reason === null ? '' : `: ${reason}`}`
    const told = works.runner.cancel(id, { who: callerOf(request).who, reason })
    const run = wait ? await told.ended : told.run
    if (wait) assertCancelled(run)
    return reply.status(run.outcome === 'running' ? 202 : 200).send(runView(run))
  })
}

/** @throws Failure run-unknown, forbidden */
function theRun(works: Works, request: FastifyRequest): Run {
  const { id } = request.params as { id: RunId }
  const run = works.journal.run(parseRunId(id))
  if (!run) throw new Failure('run-unknown', `there is no run ${id}`)
  assertSees(callerOf(request), run.subject)
  return run
}

async function tell(
  works: Works,
  request: FastifyRequest,
  reply: FastifyReply,
  run: Run | null,
): Promise<void> {
  const caller = callerOf(request)
  const gone = new AbortController()
  reply.sse.onClose(() => gone.abort())
  const { after } = request.query as { after?: number }
  const last = request.headers['last-event-id'] as unknown as number | undefined
  const events = follow(works.journal, works.clock, {
    afterSeq: last ?? after ?? 0,
    run: run?.id ?? null,
    wants: event => run !== null || sees(caller, event.subject),
    signal: AbortSignal.any([gone.signal, works.stopping]),
  })
  await reply.sse.send(asMessages(events))
}

async function* asMessages(events: AsyncIterable<StoredEvent | LiveEvent>) {
  // Headers leave with the first message: without one, who connects hears nothing until something happens.
  yield { event: 'hello', data: {} }
  for await (const event of events) {
    yield { ...(isLive(event) ? {} : { id: String(event.seq) }), event: event.type, data: event }
  }
}
