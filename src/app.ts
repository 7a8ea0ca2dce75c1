// The one place that wires the parts: from a configuration to something that can run jobs.
import { mkdirSync, readFileSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from './domain/configuration.js'
import { type JobLocks, openJobLocks } from './jobs/job-locks.js'
import { type Journal, openJournal } from './jobs/journal.js'
import { JOURNAL_MIGRATIONS } from './jobs/journal-schema.js'
import { loadKeyring } from './jobs/keys.js'
import type { Parts } from './jobs/parts.js'
import { createRunner, type Runner } from './jobs/runner.js'
import { CATALOGUE_MIGRATIONS, Catalogue } from './repository/catalogue.js'
import { createSealPool } from './seal/pool.js'
import type { OnOperation } from './store/metered.js'
import { openStore } from './store/open.js'
import type { Clock } from './sys/clock.js'
import type { Logger } from './sys/log.js'
import { openSqlite } from './sys/sqlite.js'

export interface App extends Parts {
  journal: Journal
  locks: JobLocks
  runner: Runner
  log: Logger
  /** Ends the threads and closes the local files. Runs must have ended before. */
  close(): Promise<void>
}

export interface AppOptions {
  config: Config
  clock: Clock
  log: Logger
  /** Fires when running work must end now. */
  shutdown: AbortSignal
  /** Open backups with the identities in this file instead of the operational one. */
  identityFile: string | null
  onOperation?: OnOperation
}

/** Chunks of one stream that are on their way to or from the store at once. */
const TRANSFERS = 8

/**
 * Opens everything a job needs. Nothing is asked of the store or of PostgreSQL yet.
 * @throws Failure key-missing, key-invalid; disk-full and the like when the state directory cannot be used.
 */
export async function openApp(options: AppOptions): Promise<App> {
  const { config, clock, log, shutdown, identityFile, onOperation } = options
  const keyring = await loadKeyring(config.keys, identityFile)
  mkdirSync(config.stateDirectory, { recursive: true, mode: 0o700 })
  const journalDb = openSqlite(join(config.stateDirectory, 'journal.sqlite'), JOURNAL_MIGRATIONS)
  const catalogueDb = openSqlite(join(config.stateDirectory, 'catalogue.sqlite'), CATALOGUE_MIGRATIONS)
  const journal = openJournal(journalDb, clock, error =>
    log.error({ err: error }, 'a listener of the journal failed'),
  )
  const locks = openJobLocks(journalDb, clock)
  const seals = createSealPool(Math.min(2, availableParallelism()))
  const repository = {
    store: openStore(config.store, { clock, ...(onOperation ? { onOperation } : {}) }),
    keyring,
    seals,
    clock,
    cutter: config.dump.cutter,
    compressionLevel: config.dump.compressionLevel,
    transfers: TRANSFERS,
  }
  return {
    config,
    clock,
    log,
    repository,
    catalogue: new Catalogue(catalogueDb),
    tool: `gmah-backup ${version()}`,
    journal,
    locks,
    runner: createRunner({ journal, locks, clock, log, shutdown }),
    close: async () => {
      await seals.close()
      catalogueDb.close()
      journalDb.close()
    },
  }
}

/** The package's version, from its own package.json, wherever the built files were put. */
export function version(): string {
  const up = import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json'
  const text = readFileSync(fileURLToPath(new URL(up, import.meta.url)), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
