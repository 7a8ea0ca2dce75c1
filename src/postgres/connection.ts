// One connection to one database, with our session settings, that says when it is lost.
// Direct by construction: a pooler in the path is refused before anything else is asked.
import type { QueryConfig } from 'pg'
import { Failure } from '../domain/errors.js'
import { PINNED } from './pinned.js'
import { assertDirect } from './pooler.js'
import type { PostgresTarget } from './target.js'
import { type ConnectOptions, dial, type Wire } from './wire.js'

/** `15.18 (Debian 15.18-1)` and 150018. */
export interface ServerVersion {
  version: string
  versionNum: number
}

export interface Session {
  readonly database: string
  readonly server: ServerVersion
  /** Fires, with a Failure as its reason, when the connection ends without `close`. */
  readonly lost: AbortSignal
  /** One statement; int8 comes as text. @throws Failure postgres-*, lock-timeout, target-exists */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Several statements in one string, without values; results are dropped. */
  run(script: string): Promise<void>
  /** Idempotent. An open transaction is rolled back. */
  close(): Promise<void>
}

/**
 * @throws Failure postgres-unreachable, postgres-denied (credentials, or no such database), pooler-in-path, interrupted.
 */
export async function connect(
  target: PostgresTarget,
  database: string,
  options: ConnectOptions = {},
): Promise<Session> {
  const wire = await dial(target, database, options)
  try {
    return await openSession(wire, database)
  } catch (error) {
    await wire.close()
    throw error
  }
}

/** Connects, gives the session to `work`, and closes it whatever happens. */
export async function withSession<Result>(
  target: PostgresTarget,
  database: string,
  options: ConnectOptions,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const session = await connect(target, database, options)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

async function openSession(wire: Wire, database: string): Promise<Session> {
  const query = async <Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    // The extended protocol takes one statement only: nothing can be smuggled in behind it.
    const statement: QueryConfig & { queryMode: string } = {
      text,
      values: [...values],
      queryMode: 'extended',
    }
    try {
      return (await wire.client.query<Row>(statement)).rows
    } catch (error) {
      throw wire.explain(error, 'a query failed on')
    }
  }
  const run = async (script: string): Promise<void> => {
    try {
      await wire.client.query(script)
    } catch (error) {
      throw wire.explain(error, 'a statement failed on')
    }
  }
  const [facts] = await query<{ pid: number; version: string; num: number }>(
    `SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.current_setting('server_version') AS version,
            pg_catalog.current_setting('server_version_num')::int AS num`,
  )
  if (!facts) throw new Failure('postgres-failed', `${wire.where} does not say its version`)
  assertDirect(wire.client.processID, facts.pid, wire.where)
  await query(SETTINGS)
  return {
    database,
    server: { version: facts.version, versionNum: facts.num },
    lost: wire.lost,
    query,
    run,
    close: wire.close,
  }
}

const SETTINGS_PINNED: Readonly<Record<string, string>> = {
  ...PINNED,
  // A tenant's functions must not shadow the system's.
  search_path: '',
  lock_timeout: '0',
  idle_session_timeout: '0',
  transaction_timeout: '0',
  // The driver reads times in this style alone.
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
}

/** Only those that the server's version knows. */
const SETTINGS = `
  SELECT pg_catalog.set_config(name, pinned.value, false)
  FROM pg_catalog.pg_settings JOIN (VALUES ${Object.entries(SETTINGS_PINNED)
    .map(([name, value]) => `('${name}', '${value}')`)
    .join(', ')}) AS pinned (name, value) USING (name)`
