// The instant a dump is of: a read-only transaction that exports its snapshot and is held open until release.
// pg_dump joins it, so what is read here about the database is true of exactly the rows that are dumped.
import { Failure } from '../domain/errors.js'
import type { DatabaseProperties } from '../domain/manifest.js'
import { connect, type ServerVersion, type Session } from './connection.js'
import { type Extension, readExtensions, readProperties, readRoles } from './properties.js'
import type { PostgresTarget } from './target.js'
import type { ConnectOptions } from './wire.js'

export interface Snapshot {
  /** For pg_dump --snapshot. */
  snapshotId: string
  /** Null on a standby that has replayed nothing yet. */
  lsn: string | null
  /** The transaction's start, by the server's clock: everything committed before is in the snapshot. */
  instant: Date
  server: ServerVersion
  properties: DatabaseProperties
  extensions: Extension[]
  /** Roles that must exist before a restore, by name. */
  roles: string[]
  /** Files of the database, indexes and dead rows included: an estimate for progress, not a promise. */
  sizeBytes: number
  /** For more questions about the same instant. */
  session: Session
  /** Fires with a Failure when the connection, and the snapshot with it, is lost before release. */
  lost: AbortSignal
  /** Idempotent. */
  release(): Promise<void>
}

interface Facts {
  id: string
  instant: Date
  lsn: string | null
  size: string
}

/** A standby has no insert position; what it has replayed is what the snapshot can see. */
const EXPORT = `
  SELECT pg_catalog.pg_export_snapshot() AS id, pg_catalog.transaction_timestamp() AS instant,
         (CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
               ELSE pg_catalog.pg_current_wal_insert_lsn() END)::text AS lsn,
         pg_catalog.pg_database_size(pg_catalog.current_database())::text AS size`

/** @throws Failure postgres-unreachable, postgres-denied, pooler-in-path, postgres-failed; the signal's reason. */
export async function openSnapshot(
  target: PostgresTarget,
  database: string,
  options: ConnectOptions = {},
): Promise<Snapshot> {
  const session = await connect(target, database, options)
  try {
    await session.run('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    const [facts] = await session.query<Facts>(EXPORT)
    if (!facts) throw new Failure('postgres-failed', 'the server exported no snapshot')
    return {
      snapshotId: facts.id,
      lsn: facts.lsn,
      instant: facts.instant,
      server: session.server,
      properties: await readProperties(session, database),
      extensions: await readExtensions(session),
      roles: await readRoles(session),
      sizeBytes: Number(facts.size),
      session,
      lost: session.lost,
      release: session.close,
    }
  } catch (error) {
    await session.close()
    throw error
  }
}
