// What Hetzner refuses, as failures of our table: by its code, and by the status where a proxy in between gave none.
import { type ErrorCode, Failure } from '../domain/errors.js'

/** What is known of a request that failed, in `facts` of the Failure. */
export interface Refusal {
  /** Hetzner's own code, or `http_502` where the answer had none. */
  provider: string
  /** The request may have been carried out all the same. */
  unclear: boolean
  /** The official clients try these again, and no others. */
  again: boolean
}

type Row = { code: ErrorCode } & Omit<Refusal, 'provider'>

const sure = (code: ErrorCode): Row => ({ code, unclear: false, again: false })
const passing = (code: ErrorCode): Row => ({ code, unclear: false, again: true })
const unclear = (code: ErrorCode, again: boolean): Row => ({ code, unclear: true, again })

const ROWS: Record<string, Row> = {
  unauthorized: sure('hetzner-denied'),
  forbidden: sure('hetzner-denied'),
  token_readonly: sure('hetzner-readonly'),
  resource_limit_exceeded: sure('snapshot-limit'),
  not_found: sure('hetzner-refused'),
  locked: sure('server-locked'),
  protected: sure('snapshot-protected'),
  conflict: passing('hetzner-busy'),
  rate_limit_exceeded: passing('hetzner-busy'),
  bad_gateway: unclear('hetzner-unreachable', true),
  timeout: unclear('hetzner-unreachable', true),
  unavailable: unclear('hetzner-unreachable', false),
  maintenance: sure('hetzner-unreachable'),
  server_error: unclear('hetzner-unreachable', false),
  service_error: unclear('hetzner-unreachable', false),
  http_429: passing('hetzner-busy'),
  http_502: unclear('hetzner-unreachable', true),
  http_504: unclear('hetzner-unreachable', true),
}

/** @param correlation Hetzner's support asks for it; null when there is none. */
export function refusal(
  request: string,
  answer: { status: number; code: string | null; message: string; correlation: string | null },
): Failure {
  const provider = answer.code ?? `http_${answer.status}`
  const known = ROWS[provider]
  const row =
    known ?? (answer.status >= 500 ? unclear('hetzner-unreachable', false) : sure('hetzner-refused'))
  const { code, ...rest } = row
  const trace = answer.correlation === null ? '' : `, correlation id ${answer.correlation}`
  const facts = { provider, status: answer.status, correlation: answer.correlation, ...rest }
  return new Failure(code, `${request}: ${answer.message} (${provider}${trace})`, { facts })
}

/** No answer, or half of one: nobody knows whether the request was carried out. */
export function noAnswer(request: string, what: string, cause?: unknown): Failure {
  const facts = { provider: 'no_answer', unclear: true, again: true }
  return new Failure('hetzner-unreachable', `${request}: ${what}`, { cause, facts })
}

/** An answer of a shape that we do not know: carried out, most likely, and not to be asked again. */
export function strangeAnswer(request: string, cause: unknown): Failure {
  const facts = { provider: 'strange_answer', unclear: true, again: false }
  return new Failure('hetzner-refused', `${request}: an answer that is not understood`, {
    cause,
    facts,
    hint: 'this program knows an older API: look for an update; the console shows what was made',
  })
}

const fact = (thrown: unknown, name: string): unknown =>
  thrown instanceof Failure ? thrown.facts[name] : undefined

export const isUnclear = (thrown: unknown): boolean => fact(thrown, 'unclear') === true
export const isWorthAgain = (thrown: unknown): boolean => fact(thrown, 'again') === true
export const isNotFound = (thrown: unknown): boolean => fact(thrown, 'status') === 404
/** The server, not the image, is held by another action. */
export const isLocked = (thrown: unknown): boolean => fact(thrown, 'provider') === 'locked'
