// Where PostgreSQL is and how text is put into SQL and connection strings.
// Nothing here connects; a database's name is passed apart, because one target serves every tenant.
import { escapeIdentifier, escapeLiteral } from 'pg'
import { Failure } from '../domain/errors.js'

export type SslMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

/** A PostgreSQL server and the user to be on it. Never a pooler. */
export interface PostgresTarget {
  /** A host name or address, or the absolute path of a socket directory. */
  host: string
  port: number
  user: string
  /** Absent: the server asks for none (peer, trust). */
  password?: string | null
  /** As libpq means them; default `prefer`. Nothing is encrypted on a socket. */
  sslMode?: SslMode
  /** The authority that `verify-*` trusts; absent: the system's. */
  sslRootCertificateFile?: string | null
  /** Where connections go that need no tenant; default `postgres`. */
  database?: string
}

/** The longest name PostgreSQL keeps, in bytes (NAMEDATALEN - 1). */
const NAME_BYTES = 63

export const quoteIdentifier = (name: string): string => escapeIdentifier(name)
export const quoteLiteral = (text: string): string => escapeLiteral(text)

export const maintenanceDatabase = (target: PostgresTarget): string => target.database ?? 'postgres'
export const overSocket = (target: PostgresTarget): boolean => target.host.startsWith('/')

/**
 * A connection string that names the database and nothing else, so that a name with `=` or `://` in it stays a name.
 * Source: PostgreSQL manual, "Keyword/Value Connection Strings".
 */
export function databaseConninfo(database: string): string {
  return `dbname='${database.replace(/[\\']/g, '\\$&')}'`
}

/** @throws Failure target-invalid when PostgreSQL would refuse or cut the name. */
export function checkDatabaseName(name: string): void {
  const bytes = Buffer.byteLength(name, 'utf8')
  if (bytes < 1 || bytes > NAME_BYTES || name.includes('\0') || !name.isWellFormed()) {
    throw new Failure('target-invalid', `not a database name: ${JSON.stringify(name)} (${bytes} bytes)`)
  }
}
