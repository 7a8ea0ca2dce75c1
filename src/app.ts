// The one place that wires the parts: from a configuration to something that can run jobs.
import { setMaxListeners } from 'node:events'
import { mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ALERT_MIGRATIONS } from './alert/alert-tables.js'
import { type Ledger, openLedger } from './alert/ledger.js'
import { type Outbox, openOutbox } from './alert/outbox.js'
import type { Config } from './domain/configuration.js'
import { hetznerClient } from './hetzner/client.js'
import { type AuditVerdict, verifyAudit } from './jobs/audit.js'
import { type JobLocks, openJobLocks } from './jobs/job-locks.js'
import { type Journal, openJournal } from './jobs/journal.js'
import { JOURNAL_MIGRATIONS } from './jobs/journal-schema.js'
import { loadKeyring } from './jobs/keys.js'
import { openOldEvents } from './jobs/old-events.js'
import type { Parts } from './jobs/parts.js'
import { openPlaybookRuns, type PlaybookRuns } from './jobs/playbook-runs.js'
import { openRestorePlans, type RestorePlans } from './jobs/restore-plans.js'
import { openRotationLaps } from './jobs/rotation-laps.js'
import { createRunner, type Runner } from './jobs/runner.js'
import { openScheduleStates, type ScheduleStates } from './jobs/schedule-states.js'
import { openStartedOnce, type StartedOnce } from './jobs/start-run.js'
import { openTokens, type Tokens } from './jobs/tokens.js'
import { packaged, version } from './package.js'
import { CATALOGUE_MIGRATIONS, Catalogue } from './repository/catalogue.js'
import { createSealPool } from './seal/pool.js'
import type { OnOperation } from './store/metered.js'
import { openStore, ownThrottle } from './store/open.js'
import type { Patience } from './store/patient.js'
import type { Clock } from './sys/clock.js'
import type { Logger } from './sys/log.js'
import { openSqlite } from './sys/sqlite.js'

export interface App {
  /** What a job that starts now works with. */
  parts(): Parts
  /**
   * Another configuration for the jobs that start from here on. The store, the state directory and the daemon's own section
   * stay as they were until a restart.
   * @throws Failure key-missing, key-invalid; the old one then stays.
   */
  reconfigure(config: Config): Promise<void>
  journal: Journal
  locks: JobLocks
  states: ScheduleStates
  runner: Runner
  /** What the alerts keep: incidents, and messages on their way. */
  alerts: { ledger: Ledger; outbox: Outbox }
  tokens: Tokens
  restorePlans: RestorePlans
  once: StartedOnce
  /** What was executed of them, and the folder of the playbooks themselves. */
  playbookRuns: PlaybookRuns
  playbooksFolder(): string
  /** Walks the audit's chain. @throws Failure audit-broken */
  verifyAudit(noted?: string): AuditVerdict
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
  /** Called with the time by the store's clock, again and again. */
  onServerTime?: (at: Date) => void
  /** Somebody waits at a terminal for what the store answers. */
  patience?: Patience
}

/** Chunks of one stream that are on their way to or from the store at once. */
const TRANSFERS = 8

/**
 * Opens everything a job needs. Nothing is asked of the store or of PostgreSQL yet.
 * @throws Failure key-missing, key-invalid; disk-full and the like when the state directory cannot be used.
 */
export async function openApp(options: AppOptions): Promise<App> {
  const { config, clock, log, shutdown, onOperation, onServerTime, patience } = options
  // One signal ends all transfers of a stream, each with a few listeners; Node calls more than ten a leak, on stderr.
  setMaxListeners(8 * TRANSFERS)
  const keyring = await loadKeyring(config.keys, options.identityFile)
  mkdirSync(config.stateDirectory, { recursive: true, mode: 0o700 })
  const journalDb = openSqlite(join(config.stateDirectory, 'journal.sqlite'), JOURNAL_MIGRATIONS)
  const catalogueDb = openSqlite(join(config.stateDirectory, 'catalogue.sqlite'), CATALOGUE_MIGRATIONS)
  const alertsDb = openSqlite(join(config.stateDirectory, 'alerts.sqlite'), ALERT_MIGRATIONS)
  const journal = openJournal(journalDb, clock, err => log.error({ err }, 'a listener of the journal failed'))
  const locks = openJobLocks(journalDb, clock)
  // On two cores the server's own work takes one and a half: a second thread would only take turns, and memory.
  const seals = createSealPool(Math.max(1, Math.min(2, availableParallelism() - 1)))
  // What archives read and write, and what backups send, share one line.
  const throttle = ownThrottle(config.store, clock)
  const doors = {
    ...{ clock, ...(throttle ? { throttle } : {}), ...(onOperation ? { onOperation } : {}) },
    ...(patience ? { patience } : {}),
  }
  const hearing = onServerTime ? { ...doors, onServerTime } : doors
  const store = openStore(config.store, hearing)
  const files = openStore(config.files.store, { ...doors, readOnly: true, anyKeys: true })
  const catalogue = new Catalogue(catalogueDb)
  const [laps, oldEvents] = [openRotationLaps(journalDb), openOldEvents(journalDb)]
  const assemble = (now: Config, keys: typeof keyring): Parts => {
    const { cutter, compressionLevel } = now.dump
    const repository = { store, keyring: keys, seals, clock, cutter, compressionLevel, transfers: TRANSFERS }
    const hetzner = now.hetzner && hetznerClient(now.hetzner, { clock })
    const tool = `gmah-backup ${version()}`
    return { config: now, clock, catalogue, files, hetzner, laps, journal, oldEvents, repository, tool }
  }
  let parts = assemble(config, keyring)
  return {
    parts: () => parts,
    reconfigure: async next => {
      parts = assemble(next, await loadKeyring(next.keys, options.identityFile))
    },
    journal,
    locks,
    states: openScheduleStates(journalDb),
    runner: createRunner({ journal, locks, clock, log, shutdown }),
    alerts: { ledger: openLedger(alertsDb), outbox: openOutbox(alertsDb, clock) },
    tokens: openTokens(journalDb, clock),
    restorePlans: openRestorePlans(journalDb, clock),
    once: openStartedOnce(journalDb, clock),
    playbookRuns: openPlaybookRuns(journalDb),
    playbooksFolder: () => parts.config.playbooksDirectory ?? packaged('restore-playbooks'),
    verifyAudit: noted => verifyAudit(journalDb, noted),
    close: async () => {
      await seals.close()
      alertsDb.close()
      catalogueDb.close()
      journalDb.close()
    },
  }
}
