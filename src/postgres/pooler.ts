// Tells a pooler (PgBouncer and its kin) from PostgreSQL itself, by what it does and not by what it says.
// Through a pooler pg_dump's statements can land in several backends: the exported snapshot and the settings are lost.
import { Failure } from '../domain/errors.js'

/**
 * The backend key that came with the connection names a process (protocol message BackendKeyData); the server says which
 * process answers. A pooler invents the key, PostgreSQL sends its own.
 * @throws Failure pooler-in-path when the two differ.
 */
export function assertDirect(keyProcessId: number | null, backendProcessId: number, where: string): void {
  if (keyProcessId !== backendProcessId) throw poolerInPath(where)
}

/**
 * PostgreSQL never answers a start-up message of ours with 08P01 (protocol_violation); PgBouncer does when it does
 * not know a parameter and, in versions like Debian 12's 1.18, when it has no such database.
 */
export const refusedByPooler = (startupSqlstate: string | null): boolean => startupSqlstate === '08P01'

export const poolerInPath = (where: string, cause?: unknown): Failure =>
  new Failure('pooler-in-path', `${where} is behind a connection pooler`, { cause })
