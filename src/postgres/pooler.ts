// Tells a pooler (PgBouncer and its kin) from PostgreSQL itself.
// pg_dump through a pooler can land its statements in several backends: the exported snapshot and session settings are lost.
import { Failure } from '../domain/errors.js'

/**
 * The backend key that came with the connection names a process (protocol message BackendKeyData); the server says which
 * process answers. A pooler invents the key, PostgreSQL sends its own.
 * @throws Failure pooler-in-path when the two differ.
 */
export function assertDirect(keyProcessId: number | null, backendProcessId: number, where: string): void {
  if (keyProcessId === backendProcessId) return
  throw new Failure('pooler-in-path', `${where} is a connection pooler, not PostgreSQL itself`, {
    facts: { keyProcessId, backendProcessId },
  })
}

/**
 * PostgreSQL answers a start-up message of ours with 08P01 (protocol_violation) never; PgBouncer does so when it does not
 * know the database or a parameter.
 */
export const refusedByPooler = (startupSqlstate: string | null): boolean => startupSqlstate === '08P01'
