// Liveness, readiness, metrics: for supervisors and scrapers on this machine, who have no token.
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { z } from 'zod'
import { type HealthSources, notReady } from '../health.js'
import type { Metrics } from '../metrics.js'
import type { ApiServer } from '../typed.js'

export interface HealthParts extends HealthSources {
  metrics: Metrics
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

export function healthRoutes(server: ApiServer, parts: HealthParts): void {
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  loop.enable()
  server.addHook('onClose', async () => loop.disable())
  const tags = ['health']
  const alive = { tags, summary: 'Is the process alive', response: { 200: health, 503: health } }
  server.get('/healthz', { schema: alive }, async (_, reply) => {
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
  const ready = {
    tags,
    summary: 'Could the next restore rely on us',
    response: { 200: readiness, 503: readiness },
  }
  server.get('/readyz', { schema: ready }, async (_, reply) => {
    const reasons = await notReady(parts)
    return reply
      .status(reasons.length === 0 ? 200 : 503)
      .send({ status: reasons.length === 0 ? 'ready' : 'not-ready', reasons })
  })
  const text = { 'text/plain': { schema: z.string() } }
  const metrics = {
    tags,
    summary: 'For Prometheus',
    response: { 200: { description: 'Metrics', content: text } },
  }
  server.get('/metrics', { schema: metrics }, async (_, reply) => {
    return reply.type(parts.metrics.contentType).send(await parts.metrics.render())
  })
}

/** The 99th percentile since it was last asked, beyond the sampling interval itself. */
function takeDelay(loop: IntervalHistogram): number {
  const p99 = loop.count > 0 ? loop.percentile(99) / NS_PER_MS - LOOP_RESOLUTION_MS : 0
  loop.reset()
  return Math.max(0, Math.round(p99 * 10) / 10)
}
