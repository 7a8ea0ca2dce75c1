// Who and what is in a database now: sizes, connections, rows as the server estimates them. Reads only.
import type { Session } from './connection.js'

export interface Connections {
  user: string
  application: string
  /** An address, or `socket`. */
  client: string
  count: number
}

export interface RowEstimate {
  schema: string
  name: string
  /** As the statistics collector counts them; null: not counted since it began anew. */
  rows: number | null
}

/** Client connections to the database, ours left out, the busiest first. */
export function connectionsTo(session: Session, database: string): Promise<Connections[]> {
  return session.query<Connections>(
    `SELECT coalesce(usename, '')::text AS user, coalesce(application_name, '') AS application,
            coalesce(host(client_addr), 'socket') AS client, count(*)::int AS count
     FROM pg_catalog.pg_stat_activity
     WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid() AND backend_type = 'client backend'
     GROUP BY 1, 2, 3 ORDER BY count DESC, 1, 2, 3`,
    [database],
  )
}

/** Bytes on disk. */
export async function databaseBytes(session: Session, database: string): Promise<number> {
  const [row] = await session.query<{ bytes: string }>('SELECT pg_catalog.pg_database_size($1) AS bytes', [
    database,
  ])
  return Number(row?.bytes ?? 0)
}

/** Transactions prepared for two-phase commit: no connection holds them, and a database with one cannot be renamed. */
export async function preparedTransactions(session: Session, database: string): Promise<string[]> {
  const rows = await session.query<{ gid: string }>(
    'SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = $1 ORDER BY prepared',
    [database],
  )
  return rows.map(row => row.gid)
}

/** Tables of the session's own database with about how many rows each has. */
export function rowEstimates(session: Session): Promise<RowEstimate[]> {
  return session.query<RowEstimate>(
    // The view also counts partitioned tables and materialized views: a dump holds no rows of theirs.
    // After a crash the server counts from nothing: zero is a number only where something was counted since.
    `SELECT s.schemaname::text AS schema, s.relname::text AS name,
            CASE WHEN s.n_live_tup + s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0
                   OR COALESCE(s.last_analyze, s.last_autoanalyze, s.last_vacuum, s.last_autovacuum) IS NOT NULL
                 THEN s.n_live_tup::float8 END AS rows
     FROM pg_catalog.pg_stat_user_tables s JOIN pg_catalog.pg_class c ON c.oid = s.relid
     WHERE c.relkind = 'r' ORDER BY 1, 2`,
  )
}

/** Bytes of WAL that the whole server wrote since a position; null on a standby, or when the position is of another server. */
export async function walSince(session: Session, lsn: string): Promise<number | null> {
  const [row] = await session.query<{ bytes: string | null }>(
    `SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL
            ELSE pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), $1::pg_catalog.pg_lsn) END::text AS bytes`,
    [lsn],
  )
  const bytes = row?.bytes === null || row === undefined ? -1 : Number(row.bytes)
  return bytes < 0 ? null : bytes
}

/** Where the server keeps its data; null when we may not know. */
export async function dataDirectory(session: Session): Promise<string | null> {
  const rows = await session.query<{ setting: string | null }>(
    `SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory'`,
  )
  return rows[0]?.setting ?? null
}
