// A whole installation in a folder of its own: configuration, keys, store, state. Jobs run on it in this process,
// and the built daemon and command line run on the same files.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { stringify } from 'yaml'
import { type App, openApp } from '../../src/app.js'
import { loadConfig } from '../../src/config.js'
import type { StoredEvent } from '../../src/domain/events.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { backupAll } from '../../src/jobs/backup-all.js'
import { endOfNight, type NightReport } from '../../src/jobs/backup-report.js'
import { newIdentityFile } from '../../src/jobs/keys.js'
import type { Parts } from '../../src/jobs/parts.js'
import { endOfRestore, type RestoreReport, restoreBeside } from '../../src/jobs/restore-beside.js'
import type { RunResult } from '../../src/jobs/runner.js'
import type { PostgresTarget } from '../../src/postgres/target.js'
import type { OnOperation } from '../../src/store/metered.js'
import type { Store } from '../../src/store/port.js'
import { type Clock, systemClock } from '../../src/sys/clock.js'
import { silentLogger } from '../../src/sys/log.js'
import { temporaryFolder } from './cluster.js'

export interface InstallationOptions {
  /** Merged over the configuration file's sections, as YAML has them. */
  config?: Record<string, unknown>
  clock?: Clock
  /** Puts something around the store: faults, a record of what is asked. */
  wrapStore?: (store: Store) => Store
  /** Hears how each operation on the store ended. */
  onOperation?: OnOperation
  /** The schedule's cron expression; by default one that is never due while a test runs. */
  cron?: string
  /** Files of mode 0600 beside the configuration, by name. */
  secrets?: Record<string, string>
  /** Default Europe/Paris. */
  zone?: string
}

export interface Installation {
  folder: string
  configFile: string
  /** The offline key: opens everything. */
  recoveryIdentityFile: string
  storeFolder: string
  app: App
  parts(): Parts
  /** One run of backup-all, journalled. */
  night(options?: {
    names?: string[]
    signal?: AbortSignal
    deadlineMs?: number
  }): Promise<RunResult & { report: NightReport | null }>
  /** One run of restore, journalled; throws what made it fail. */
  restore(
    name: string,
    database: string,
    options?: { backup?: string; withRoles?: boolean; signal?: AbortSignal },
  ): Promise<RestoreReport>
  events(type?: StoredEvent['type']): StoredEvent[]
  /** The built command line on this installation; never throws for a non-zero exit. */
  cli(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }>
  /** Closes the app and opens another on the same files, as a new process would. */
  reopen(options?: InstallationOptions): Promise<void>
  remove(): Promise<void>
}

export const CLI = join(process.cwd(), 'dist/src/cli.js')
export const MAIN = join(process.cwd(), 'dist/src/main.js')

/** Makes the folder, the keys and the configuration, and opens the app on them. Call `remove` in the end. */
export async function install(
  target: PostgresTarget,
  options: InstallationOptions = {},
): Promise<Installation> {
  const { path: folder, remove } = await temporaryFolder()
  const configFile = await writeFiles(folder, target, options)
  let app = await open(configFile, options)
  return {
    folder,
    configFile,
    recoveryIdentityFile: join(folder, 'recovery.txt'),
    storeFolder: join(folder, 'store'),
    get app() {
      return app
    },
    parts: () => app.parts(),
    night: async ({ names = [], signal, ...limits } = {}) => {
      let report: NightReport | null = null
      const job = { name: 'backup-all', trigger: 'schedule', ...limits } as const
      const result = await app.runner.run(job, async context => {
        const both = signal ? AbortSignal.any([signal, context.signal]) : context.signal
        const request = { kind: 'scheduled', label: null, names } as const
        report = await backupAll(app.parts(), request, { ...context, signal: both })
        return endOfNight(report)
      })
      return { ...result, report }
    },
    restore: async (name, database, { backup = 'latest', withRoles = false, signal } = {}) => {
      let report: RestoreReport | null = null
      const subject = subjectNamed(name)
      const { failure } = await app.runner.run(
        { name: 'restore', subject, trigger: 'manual' },
        async context => {
          const both = signal ? AbortSignal.any([signal, context.signal]) : context.signal
          const request = { subject, backup, database, withRoles }
          report = await restoreBeside(app.parts(), request, { ...context, signal: both })
          return endOfRestore(report)
        },
      )
      if (failure) throw failure
      return report as unknown as RestoreReport
    },
    events: type => app.journal.events().filter(event => type === undefined || event.type === type),
    cli: cliOn(folder, configFile),
    reopen: async (again = options) => {
      await app.close()
      app = await open(configFile, again)
    },
    remove: async () => {
      await app.close()
      await remove()
    },
  }
}

/** The built command line on a configuration file. */
export function cliOn(folder: string, configFile: string): Installation['cli'] {
  return async (...args) => {
    const result = await execa('node', [CLI, '--config', configFile, ...args], {
      reject: false,
      stdin: 'ignore',
      cwd: folder,
    })
    return { exitCode: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr }
  }
}

/** Opens a second app on the same files, as another process would. */
export async function open(configFile: string, options: InstallationOptions): Promise<App> {
  const { config } = loadConfig({ path: configFile })
  const clock = options.clock ?? systemClock
  const shutdown = new AbortController().signal
  const { wrapStore, onOperation } = options
  const hearing = onOperation ? { onOperation } : {}
  const app = await openApp({
    ...{ config, clock, log: silentLogger(), shutdown, identityFile: null },
    ...hearing,
  })
  if (!wrapStore) return app
  const { repository, ...parts } = app.parts()
  const wrapped: Parts = { ...parts, repository: { ...repository, store: wrapStore(repository.store) } }
  return { ...app, parts: () => wrapped }
}

async function writeFiles(
  folder: string,
  target: PostgresTarget,
  options: InstallationOptions,
): Promise<string> {
  for (const name of ['store', 'schedules', 'state']) mkdirSync(join(folder, name))
  const recovery = await newIdentityFile(systemClock)
  const operational = await newIdentityFile(systemClock)
  const secret = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 })
  secret('recovery.txt', recovery.text)
  secret('operational.txt', operational.text)
  const { host, port, user, password } = target
  if (password) secret('password', password)
  for (const [name, text] of Object.entries(options.secrets ?? {})) secret(name, text)
  const config: Record<string, unknown> = {
    state_directory: 'state',
    store: { type: 'directory', path: 'store' },
    postgres: { host, port, user, ...(password ? { password_file: 'password' } : {}) },
    keys: { operational_identity_file: 'operational.txt', recovery_recipients: [recovery.recipient] },
    dump: { retry_pause: '0s' },
    daemon: { http: { port: 0 }, log_level: 'info' },
    schedules_directory: 'schedules',
  }
  for (const [section, more] of Object.entries(options.config ?? {})) {
    const before = config[section]
    const mergeable = typeof before === 'object' && typeof more === 'object' && section !== 'store'
    config[section] = mergeable ? { ...before, ...more } : more
  }
  const schedule = {
    job: 'backup-all',
    why: 'a test',
    cron: options.cron ?? '30 1 1 1 *',
    time_zone: options.zone ?? 'Europe/Paris',
    freshness_window: '400d',
    catch_up: true,
    deadline: '1h',
  }
  writeFileSync(join(folder, 'schedules', 'nightly.yaml'), stringify(schedule))
  const configFile = join(folder, 'gmah-backup.yaml')
  writeFileSync(configFile, stringify(config), { mode: 0o600 })
  return configFile
}
