// What the server or the network said, as one of our failures: by SQLSTATE, never by the message's text.
// Source of the codes: PostgreSQL manual, appendix A.
import { DatabaseError } from 'pg'
import { type ErrorCode, Failure } from '../domain/errors.js'

/** The server answers, and is full: by its own limit, the role's, or the database's, which the cause names. */
const TOO_MANY = '53300'
/** Codes that say "not now" rather than "not you": the server stops, starts, or has no connection to spare. */
const UNREACHABLE = new Set(['57P01', '57P02', '57P03', TOO_MANY])
/** Connected, and without a right: neither password nor pg_hba.conf has anything to do with it. */
export const NO_RIGHT = '42501'
const DENIED = new Set(['3D000', NO_RIGHT])
const GRANT =
  'grant the user the right that the cause names; a restore needs SUPERUSER, for as long as it takes'

/** What to type where the table's hint would send somebody the wrong way. */
const HINTS: Record<string, string> = {
  [NO_RIGHT]: GRANT,
  [TOO_MANY]:
    "lift the limit that the cause names (ALTER DATABASE or ALTER ROLE … CONNECTION LIMIT, or the server's max_connections), or lower dump.concurrency",
}

const BY_CODE: Record<string, ErrorCode> = {
  '55P03': 'lock-timeout',
  '42P04': 'target-exists',
  '42P06': 'target-exists',
  '53100': 'disk-full',
}

/** The five characters of an error that the server sent, or null. */
export function sqlstate(error: unknown): string | null {
  if (error instanceof Failure) {
    return typeof error.facts.sqlstate === 'string' ? error.facts.sqlstate : null
  }
  return error instanceof DatabaseError && error.code !== undefined ? error.code : null
}

/**
 * An error of pg as a Failure: without a SQLSTATE it is postgres-unreachable (a socket error, a connection that ended);
 * with one, postgres-unreachable, postgres-denied, lock-timeout, target-exists, disk-full or
 * postgres-failed.
 */
export function postgresFailure(error: unknown, message: string): Failure {
  if (error instanceof Failure) return error
  const state = sqlstate(error)
  const hint = HINTS[state ?? '']
  const facts = { sqlstate: state }
  return new Failure(codeOf(state), message, { cause: error, facts, ...(hint ? { hint } : {}) })
}

function codeOf(state: string | null): ErrorCode {
  if (state === null || state.startsWith('08') || UNREACHABLE.has(state)) return 'postgres-unreachable'
  if (state.startsWith('28') || DENIED.has(state)) return 'postgres-denied'
  return BY_CODE[state] ?? 'postgres-failed'
}
