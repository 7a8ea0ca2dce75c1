// The guard of /v1: who is there, may they, and what they changed goes into the audit. Every route says what it needs.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isLoopback } from '../domain/configuration-rules.js'
import { Failure } from '../domain/errors.js'
import type { RunId } from '../domain/ids.js'
import type { Role } from '../domain/role.js'
import type { SubjectId } from '../domain/subject.js'
import type { Journal } from '../jobs/journal.js'
import type { Tokens } from '../jobs/tokens.js'
import type { Clock } from '../sys/clock.js'
import { type Caller, mayAct } from './caller.js'
import { createThrottle, type Throttle } from './throttle.js'
import type { Door } from './works.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The least role that may call this route. */
    needs?: Role
    /** The audit's word for what this route changes; every route but GET has one. */
    changes?: string
    /** It changes nothing, though it is no GET: what is asked does not fit into an address. */
    reads?: true
  }
  interface FastifyRequest {
    caller: Caller | null
    /** What a change is about, where the path does not say. */
    about: SubjectId | string | null
    /** What the caller said about a change. */
    note: string | null
    /** Why the request was answered with a problem. */
    problem: Failure | null
    /** The run that it started. */
    run: RunId | null
  }
}

export interface GuardParts {
  tokens: Tokens
  journal: Journal
  clock: Clock
}

/** Wrong tokens of one address in a minute that are answered at once. */
const WRONG_PER_MINUTE = 10

/** Installs the guard for every route of this scope. */
export function guardRoutes(scope: FastifyInstance, door: Door, parts: GuardParts): void {
  const throttle = createThrottle(parts.clock, { most: WRONG_PER_MINUTE, withinMs: 60_000 })
  scope.decorateRequest('caller', null)
  scope.decorateRequest('about', null)
  scope.decorateRequest('note', null)
  scope.decorateRequest('run', null)
  scope.addHook('onRoute', ({ method, url, config }) => {
    const reads = config?.reads || [method].flat().every(one => one === 'GET' || one === 'HEAD')
    if (!config?.needs || reads === (config.changes !== undefined))
      throw new Failure('unexpected', `${method} ${url} does not say what it needs and changes`)
  })
  scope.addHook('onRequest', async (request, reply) => {
    const caller = door.kind === 'socket' ? onSocket(request, door.user) : identify(request, parts.tokens)
    if (!caller) throw stranger(request, throttle, seconds => reply.header('retry-after', seconds))
    request.caller = caller
    const needed = request.routeOptions.config.needs
    if (needed && !mayAct(caller, needed))
      throw new Failure('forbidden', `${caller.who} is ${caller.role}; this takes the role ${needed}`)
  })
  scope.addHook('onSend', async (request, reply, payload) => {
    // Before the answer leaves: nobody is told of a change that the audit does not have.
    writeAudit(request, reply.statusCode, door, parts.journal)
    return payload
  })
}

/** Health is open to this machine; from elsewhere it takes a token, as it names jobs and tenants. */
export function guardHealth(server: FastifyInstance, { tokens }: Pick<GuardParts, 'tokens'>): void {
  server.addHook('onRequest', async request => {
    const health = HEALTH.has(request.routeOptions.url ?? '')
    if (!health || isLoopback(request.ip.replace(/^::ffff:/, '')) || identify(request, tokens)) return
    throw new Failure('unauthorized', 'there is no valid token in this request')
  })
}

const HEALTH: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics'])

/** Who it is. Only for routes behind the guard. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new Failure('unexpected', 'this route stands outside the guard')
  return request.caller
}

function identify(request: FastifyRequest, tokens: Tokens): Caller | null {
  const text = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const token = text === undefined ? null : tokens.verify(text)
  return token && { who: token.name, role: token.role, tenants: token.tenants, token: token.id }
}

/** The other end may say which person types; it can do everything here anyway. */
function onSocket({ headers }: FastifyRequest, user: string): Caller {
  const said = headers['x-operator']
  const person = typeof said === 'string' && /^[\w.@-]{1,64}$/.test(said) ? said : user
  return { who: `${person}, command line`, role: 'admin', tenants: null, token: null }
}

/** A right token is let in whatever others at its address tried. */
function stranger(request: FastifyRequest, throttle: Throttle, wait: (seconds: number) => void): Failure {
  const waitMs = throttle.strike(request.ip)
  if (waitMs === 0) {
    // What fail2ban reads (monitoring/fail2ban-filter.conf). Who is throttled is not logged: strangers must not fill the disk.
    request.log.warn({ address: request.ip.replace(/^::ffff:/, '') }, 'a request without a valid token')
    return new Failure('unauthorized', 'there is no valid token in this request')
  }
  wait(Math.ceil(waitMs / 1000))
  return new Failure('too-many-requests', 'too many requests without a valid token')
}

function writeAudit(request: FastifyRequest, status: number, door: Door, journal: Journal): void {
  const { changes } = request.routeOptions.config
  // Once throttled, strangers must not fill the disk with lines.
  if (changes === undefined || request.problem?.code === 'too-many-requests') return
  const problem = request.problem
  journal.audit({
    who: request.caller?.who ?? 'nobody we know',
    action: changes,
    target: request.about ?? targetOf(request),
    outcome: status < 400 ? 'allowed' : status < 500 ? 'refused' : 'failed',
    detail:
      [request.note, problem && `${problem.code}: ${problem.message}`].filter(Boolean).join('; ') || null,
    run: request.run,
    origin: door.kind === 'socket' ? null : request.ip,
  })
}

const targetOf = ({ params, url }: FastifyRequest): string =>
  Object.values((params ?? {}) as Record<string, string>)
    .join(' ')
    .slice(0, 200) ||
  (url.split('?')[0] ?? url)
