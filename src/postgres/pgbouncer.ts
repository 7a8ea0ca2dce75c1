// PgBouncer's admin console: holds the clients of one database while it is exchanged, and lets them go on.
// Source: PgBouncer's manual, "Admin console". It speaks the simple protocol only.
import type { PgbouncerConfig } from '../domain/configuration.js'
import { asFailure, Failure, isStop } from '../domain/errors.js'
import { sqlstate } from './sqlstate.js'
import { quoteIdentifier } from './target.js'
import { dial, type Wire } from './wire.js'

const CONSOLE = 'pgbouncer'

export interface PoolerConsole {
  /**
   * Resolves when no client has a server connection to the database any more; from the first moment on, new queries wait.
   * @throws Failure pooler-unreachable when it refuses, or the console is lost.
   */
  pause(database: string): Promise<void>
  /** One that is not paused is success. @throws Failure pooler-unreachable */
  resume(database: string): Promise<void>
  close(): Promise<void>
}

/** @throws Failure pooler-unreachable */
export async function openConsole(
  pooler: PgbouncerConfig,
  options: { signal?: AbortSignal } = {},
): Promise<PoolerConsole> {
  const wire = await dial({ ...pooler, sslMode: 'prefer' }, CONSOLE, options).catch(thrown => {
    throw unreachable(thrown, pooler)
  })
  const tell = async (command: string): Promise<void> => {
    try {
      await wire.client.query(command)
    } catch (thrown) {
      throw unreachable(wire.explain(thrown, `${command} failed on`), pooler)
    }
  }
  return {
    pause: database => tell(`PAUSE ${quoteIdentifier(database)}`),
    resume: async database => {
      const failure = await tell(`RESUME ${quoteIdentifier(database)}`).then(() => null, asFailure)
      // It refuses what is not paused, with no code of its own to tell that by: so what it says of itself decides.
      if (failure && (sqlstate(failure.cause) === null || (await isPaused(wire, database)))) throw failure
    },
    close: () => wire.close(),
  }
}

/**
 * A database that PgBouncer made up by itself (`*`) is not listed while nobody uses it, paused or not: that it is not
 * listed tells nothing, that it is listed as paused does.
 */
async function isPaused(wire: Wire, database: string): Promise<boolean> {
  const { rows } = await wire.client.query<{ name: string; paused: number | string }>('SHOW DATABASES')
  return rows.some(row => row.name === database && Number(row.paused) === 1)
}

function unreachable(thrown: unknown, { host, port }: PgbouncerConfig): Failure {
  const failure = asFailure(thrown)
  if (isStop(failure)) return failure
  return new Failure(
    'pooler-unreachable',
    `the console of PgBouncer on ${host}:${port} does not do as told`,
    {
      cause: thrown,
    },
  )
}
