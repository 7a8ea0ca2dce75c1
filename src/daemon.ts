// The daemon's life: take the store's lease, tidy up after a crash, serve, run what is due, and leave in good order.
import type { Alerting } from './alert/alerting.js'
import { channelStandings, createAlerts, sendDigest } from './alerts.js'
import { openDoors } from './api/listen.js'
import { createMetrics, type Metrics } from './api/metrics.js'
import type { ServerParts } from './api/server.js'
import { type StoreWatch, watchStore } from './api/store-health.js'
import type { Works } from './api/works.js'
import { type App, openApp } from './app.js'
import { type LoadedConfig, loadConfig } from './config.js'
import { asFailure, type Failure } from './domain/errors.js'
import type { Problem } from './domain/problem.js'
import { closeLastLife, copyPlaybooks, lockOf, runSchedule } from './jobs/daemon-work.js'
import type { Parts } from './jobs/parts.js'
import { createScheduler, type Scheduler } from './jobs/scheduler.js'
import { startServersLeftOff } from './jobs/start-servers.js'
import { underStoreLease } from './jobs/store-lease.js'
import { keepConfiguration, loadStanding, type Standing } from './last-configuration.js'
import { version } from './package.js'
import { loadAge } from './seal/age-decrypt.js'
import type { OnOperation } from './store/metered.js'
import { loadDrivers } from './store/open.js'
import { systemClock } from './sys/clock.js'
import { type Lifecycle, superviseProcess } from './sys/lifecycle.js'
import { createLogger, type Logger } from './sys/log.js'

export interface DaemonOptions {
  configPath: string | undefined
}

const clock = systemClock

/**
 * Runs until a signal ends it. Resolves when everything is closed.
 * @throws Failure config-*, key-*, store-leased when another daemon works on the store, store-* when it cannot be reached.
 */
export async function runDaemon({ configPath }: DaemonOptions): Promise<void> {
  const standing = loadStanding(configPath)
  const { config, warnings } = standing
  const log = createLogger({ level: config.daemon.logLevel })
  for (const warning of warnings) log.warn(warning, warning.message)
  // Now, and not at the first use in a night: an upgrade in place may have taken the files away by then.
  await Promise.all([loadAge(), loadDrivers([config.store, config.files.store])])
  const reload: Reload = { run: async () => {} }
  const life = superviseProcess({
    clock,
    drainMs: config.daemon.drainMs,
    reload: () => reload.run(),
    failed: error => log.error({ error: asFailure(error) }, 'the reload failed'),
  })
  const watch = watchStore(clock)
  const operations: OnOperation[] = [({ operation, code }) => watch.note(operation, code)]
  const onOperation: OnOperation = report => operations.forEach(hear => void hear(report))
  const app = await openApp({
    config,
    clock,
    log,
    shutdown: life.interrupted,
    identityFile: null,
    onOperation,
    onServerTime: watch.hearTime,
  })
  try {
    log.info({ store: app.parts().repository.store.name }, 'taking the lease of the store')
    const lease = { signal: life.stopping, onLost: life.stop }
    await underStoreLease(app.parts(), app.journal, lease, async () => {
      await closeLastLife(app.parts(), app.journal, log)
      await copyPlaybooks(app.parts(), app.playbooksFolder(), log)
      const metrics = createMetrics({
        journal: app.journal,
        schedules: () => app.parts().config.schedules,
        catalogue: app.parts().catalogue,
        present: () => alerting.present(),
        incidents: () => app.alerts.ledger.openIncidents(),
        channels: () => channelStandings(app),
        clock,
        version: version(),
      })
      operations.push(metrics.observeStore)
      const digest: Digest = week => sendDigest(alerting, week)
      const scheduler = scheduleJobs(app, log, digest)
      const alerting = createAlerts(app, { clock, log, scheduler, watch })
      reload.run = async () => {
        await reread(app, log, configPath, scheduler)
        alerting.reconfigure()
      }
      const health = healthOf(app, scheduler, { watch, metrics, log, stopping: life.stopping })
      if (!standing.refused) keep(standing, log)
      await serve({ app, standing, health, scheduler, alerting, digest, life, log })
      metrics.close()
    })
  } finally {
    await app.close()
    life.close()
  }
}

type Digest = Works['sendDigest']

interface Reload {
  run(): Promise<void>
}

interface Serving {
  app: App
  standing: Standing
  health: ServerParts
  scheduler: Scheduler
  alerting: Alerting
  digest: Digest
  life: Lifecycle
  log: Logger
}

async function serve(serving: Serving): Promise<void> {
  const { app, standing, health, scheduler, alerting, digest, life, log } = serving
  const { address, ...doors } = await openDoors(
    health,
    worksOf(app, scheduler, life, digest),
    standing.config,
  )
  app.journal.event({
    type: 'daemon-started',
    run: null,
    subject: null,
    facts: { version: version(), pid: process.pid },
  })
  log.info({ address, store: app.parts().repository.store.name }, 'the daemon is ready')
  if (standing.refused)
    tellRefusal(app, log, standing.refused, 'the configuration is refused; the last good one is in force')
  startServersLeftOff(app.parts(), app.runner).catch(error =>
    log.error({ error: asFailure(error) }, 'could not start the servers that a snapshot left off'),
  )
  scheduler.start()
  alerting.start()
  life.ready()
  await new Promise<void>(resolve => {
    if (life.stopping.aborted) resolve()
    else life.stopping.addEventListener('abort', () => resolve(), { once: true })
  })
  const { message } = asFailure(life.stopping.reason)
  app.journal.event({ type: 'daemon-stopping', run: null, subject: null, facts: { reason: message } })
  log.info({ running: app.runner.active() }, message)
  scheduler.stop()
  await app.runner.idle()
  await doors.close()
  await alerting.stop()
  log.info('the daemon has stopped')
}

function healthOf(
  app: App,
  scheduler: Scheduler,
  { watch, ...more }: { watch: StoreWatch; metrics: Metrics; log: Logger; stopping: AbortSignal },
): ServerParts {
  const { journal } = app
  return {
    ...more,
    journal,
    clock,
    store: watch.read,
    schedules: () => scheduler.status(),
    version: version(),
  }
}

const worksOf = (app: App, scheduler: Scheduler, life: Lifecycle, sendDigest: Digest): Works => ({
  ...app,
  clock,
  scheduler,
  freshParts: () => freshParts(app),
  sendDigest,
  stopping: life.stopping,
  version: version(),
})

/** `keys rotate` on the command line replaces the identity under our feet: each run reads it anew. */
async function freshParts(app: App): Promise<Parts> {
  await app.reconfigure(app.parts().config)
  return app.parts()
}

function scheduleJobs(app: App, log: Logger, digest: Digest): Scheduler {
  return createScheduler(
    {
      journal: app.journal,
      states: app.states,
      clock,
      log,
      busy: job => app.runner.busy(lockOf(job)),
      launch: (schedule, launch) => runSchedule(() => freshParts(app), app.runner, schedule, launch, digest),
    },
    app.parts().config.schedules,
  )
}

/** A configuration that is refused changes nothing, and is said in the journal. */
async function reread(app: App, log: Logger, path: string | undefined, scheduler: Scheduler): Promise<void> {
  const { file } = app.parts().config
  try {
    const loaded = loadConfig({ path: path ?? file })
    const { config } = loaded
    await app.reconfigure(config)
    scheduler.reload(config.schedules)
    const schedules = config.schedules.map(schedule => schedule.name)
    app.journal.event({ type: 'config-reloaded', run: null, subject: null, facts: { file, schedules } })
    log.info(
      { file, schedules },
      'the configuration was read again; store, state_directory and daemon change at a restart',
    )
    keep(loaded, log)
  } catch (thrown) {
    const said = 'the new configuration was refused; the old one stays in force'
    tellRefusal(app, log, asFailure(thrown), said)
  }
}

/** Extra: without the copy all works, until a file is refused at a start. */
function keep(loaded: LoadedConfig, log: Logger): void {
  try {
    keepConfiguration(loaded)
  } catch (thrown) {
    log.warn(
      { error: asFailure(thrown) },
      'the configuration could not be kept for a start that refuses the next one',
    )
  }
}

function tellRefusal(app: App, log: Logger, failure: Failure, said: string): void {
  const { file } = app.parts().config
  const problems = (failure.facts.problems as Problem[] | undefined) ?? []
  const told = problems.map(({ path, message, at }) => ({ path, message, at }))
  app.journal.event({
    type: 'config-refused',
    run: null,
    subject: null,
    facts: { file, problems: told },
  })
  log.error({ error: failure, problems: told }, said)
}
