// The daemon's HTTP face: health for this machine, and /v1 behind its guard when it is added (v1.ts).
import { type FastifyBaseLogger, fastify, LogController } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Logger } from '../sys/log.js'
import { answerProblems, answerUnroutable } from './problems.js'
import { type HealthParts, healthRoutes } from './routes/health.js'
import type { ApiServer } from './typed.js'

export interface ServerParts extends HealthParts {
  log: Logger
}

export interface ServerOptions {
  /** The address in front of us that says from where a request came is believed. */
  behindProxy?: boolean
  /** PEM texts; without them it speaks plain HTTP. */
  tls?: { certificate: string; key: string } | null
}

const MAX_BODY_BYTES = 64 * 1024
/** A tenant's name may be long, and each byte of it three characters. */
const MAX_PARAMETER = 800

/** A server that does not listen yet; `listen` takes host and port, `close` ends open connections too. */
export function createServer(parts: ServerParts, options: ServerOptions = {}): ApiServer {
  const log: FastifyBaseLogger = parts.log.child({ part: 'api' })
  const server = fastify({
    ...(options.tls ? { https: { cert: options.tls.certificate, key: options.tls.key } } : {}),
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    // Open streams of events would hold a stop for as long as somebody watches.
    forceCloseConnections: true,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 30_000,
    routerOptions: { maxParamLength: MAX_PARAMETER },
    // What is no URL is refused before there is a route.
    frameworkErrors: (error, _, reply) => answerUnroutable(error, reply),
    // One hop: what the client itself wrote in front of it may be a lie.
    trustProxy: options.behindProxy ? (_, hop) => hop < 1 : false,
  }).withTypeProvider<ZodTypeProvider>() as unknown as ApiServer
  server.setValidatorCompiler(validatorCompiler)
  server.setSerializerCompiler(serializerCompiler)
  server.decorateRequest('problem', null)
  answerProblems(server)
  healthRoutes(server, parts)
  return server
}
