// The daemon's HTTP face on a loopback address: liveness, readiness, metrics. It reads; nothing here starts or stops work.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  fastify,
  LogController,
  type RawServerDefault,
} from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Logger } from '../sys/log.js'
import { type HealthSources, notReady } from './health.js'
import type { Metrics } from './metrics.js'
import { answerProblems } from './problems.js'

export interface ServerParts extends HealthSources {
  metrics: Metrics
  log: Logger
  version: string
}

/** The event loop answers no one while it is held longer than this. */
const LOOP_HELD_MS = 1_000
const LOOP_RESOLUTION_MS = 10
const NS_PER_MS = 1e6

const health = z.strictObject({
  status: z.enum(['alive', 'stuck']),
  version: z.string(),
  pid: z.int(),
  uptimeSeconds: z.number(),
  eventLoopDelayP99Ms: z.number(),
})

const readiness = z.strictObject({
  status: z.enum(['ready', 'not-ready']),
  reasons: z.array(
    z.strictObject({ check: z.string(), name: z.string().optional(), code: z.string(), message: z.string() }),
  ),
})

/** A server that does not listen yet; `listen` takes host and port, `close` ends open connections too. */
export function createServer(parts: ServerParts): FastifyInstance {
  const log: FastifyBaseLogger = parts.log.child({ part: 'api' })
  const server: FastifyInstance = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    // Open streams of events would hold a stop for as long as somebody watches.
    forceCloseConnections: true,
    bodyLimit: 64 * 1024,
    requestTimeout: 30_000,
  })
  server.setValidatorCompiler(validatorCompiler)
  server.setSerializerCompiler(serializerCompiler)
  answerProblems(server)
  healthRoutes(server.withTypeProvider<ZodTypeProvider>(), parts)
  server.get('/metrics', async (_, reply) => {
    return reply.type(parts.metrics.contentType).send(await parts.metrics.render())
  })
  return server
}

type TypedServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>

function healthRoutes(server: TypedServer, parts: ServerParts): void {
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  loop.enable()
  server.addHook('onClose', async () => loop.disable())
  server.get('/healthz', { schema: { response: { 200: health, 503: health } } }, async (_, reply) => {
    const eventLoopDelayP99Ms = takeDelay(loop)
    const stuck = eventLoopDelayP99Ms > LOOP_HELD_MS
    return reply.status(stuck ? 503 : 200).send({
      status: stuck ? 'stuck' : 'alive',
      version: parts.version,
      pid: process.pid,
      uptimeSeconds: Math.round(process.uptime()),
      eventLoopDelayP99Ms,
    })
  })
  server.get('/readyz', { schema: { response: { 200: readiness, 503: readiness } } }, async (_, reply) => {
    const reasons = await notReady(parts)
    const ready = reasons.length === 0
    return reply.status(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not-ready', reasons })
  })
}

/** The 99th percentile since it was last asked, beyond the sampling interval itself. */
function takeDelay(loop: IntervalHistogram): number {
  const p99 = loop.count > 0 ? loop.percentile(99) / NS_PER_MS - LOOP_RESOLUTION_MS : 0
  loop.reset()
  return Math.max(0, Math.round(p99 * 10) / 10)
}
