// The whole of /v1 on a server: limits, the guard, the document that describes it, and each noun's routes.
import { fastifyHelmet } from '@fastify/helmet'
import { fastifyRateLimit } from '@fastify/rate-limit'
import { fastifySSE } from '@fastify/sse'
import { fastifySwagger } from '@fastify/swagger'
import { fastifySwaggerUi } from '@fastify/swagger-ui'
import { createJsonSchemaTransform } from 'fastify-type-provider-zod'
import { Failure } from '../domain/errors.js'
import { guardHealth, guardRoutes } from './guard.js'
import { archiveRoutes } from './routes/archives.js'
import { auditRoutes } from './routes/audit.js'
import { backupRoutes } from './routes/backups.js'
import { checkRoutes } from './routes/checks.js'
import { errandRoutes } from './routes/errands.js'
import { extractionRoutes } from './routes/extractions.js'
import { playbookRoutes } from './routes/playbooks.js'
import { proofRoutes } from './routes/proofs.js'
import { restoreRoutes } from './routes/restores.js'
import { retentionRoutes } from './routes/retention.js'
import { runRoutes } from './routes/runs.js'
import { scheduleRoutes } from './routes/schedules.js'
import { snapshotRoutes } from './routes/snapshots.js'
import { statusRoutes } from './routes/status.js'
import { tenantRoutes } from './routes/tenants.js'
import { tokenRoutes } from './routes/tokens.js'
import type { ApiServer } from './typed.js'
import type { Door, Works } from './works.js'

/** One file a noun: add yours here. */
const ROUTES = [
  statusRoutes,
  tenantRoutes,
  archiveRoutes,
  extractionRoutes,
  backupRoutes,
  proofRoutes,
  restoreRoutes,
  playbookRoutes,
  runRoutes,
  scheduleRoutes,
  retentionRoutes,
  checkRoutes,
  auditRoutes,
  tokenRoutes,
  snapshotRoutes,
]

/** Proxies close what is silent for a minute. */
const HEARTBEAT_MS = 20_000

/** Adds /v1, its description at /v1/openapi.json and the page that shows it at /docs. */
export function addV1(server: ApiServer, works: Works, door: Door): void {
  if (door.kind === 'port') guardHealth(server, works)
  server.register(fastifyHelmet)
  server.register(fastifySwagger, {
    openapi: description(works.version),
    transform: createJsonSchemaTransform({}),
  })
  server.register(fastifySwaggerUi, { routePrefix: '/docs', staticCSP: true, logLevel: 'silent' })
  server.register(fastifySSE, { heartbeatInterval: HEARTBEAT_MS })
  server.register(async scope => {
    if (door.kind === 'port') await scope.register(fastifyRateLimit, limits(door.requestsPerMinute))
    scope.get('/v1/openapi.json', { schema: { hide: true } }, async () => server.swagger())
    await scope.register(
      async guarded => {
        guardRoutes(guarded, door, works)
        for (const routes of ROUTES) routes(guarded as unknown as ApiServer, works)
        if (door.kind === 'socket') errandRoutes(guarded as unknown as ApiServer, works)
      },
      { prefix: '/v1' },
    )
  })
}

const description = (version: string) => ({
  openapi: '3.1.0' as const,
  info: {
    title: 'gmah-backup',
    version,
    description:
      'Backups, restores and what runs by itself. Errors are problem documents (RFC 9457) with a code and a hint.',
  },
  components: {
    securitySchemes: {
      token: { type: 'http' as const, scheme: 'bearer', description: '`gmah-backup tokens create`' },
    },
  },
})

const limits = (requestsPerMinute: number) => ({
  max: requestsPerMinute,
  timeWindow: 60_000,
  errorResponseBuilder: () => new Failure('too-many-requests', 'too many requests from this address'),
})
