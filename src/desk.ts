// What the commands work at: the parts that each needs, opened when it is called, and the signals of a person at a terminal.
import { hostname, userInfo } from 'node:os'
import { openAlertDesk } from './alert/desk.js'
import { findDaemon } from './api/client.js'
import { type App, openApp } from './app.js'
import { type AtDaemon, cancelAtDaemon, runAtDaemon } from './cli/at-daemon.js'
import { harmless } from './cli/cells.js'
import type { Desk, DeskJob, DeskWork, GlobalOptions, OpenOutpost } from './cli/desk.js'
import { errandAtDaemon } from './cli/errand-at-daemon.js'
import { loadConfig } from './config.js'
import type { AlertDesk } from './domain/alerts.js'
import { EXIT, Failure } from './domain/errors.js'
import { hetznerClient } from './hetzner/client.js'
import type { Journal } from './jobs/journal.js'
import type { Run } from './jobs/journal-rows.js'
import { reportOf } from './jobs/kept-report.js'
import { loadKeyring } from './jobs/keys.js'
import { createScheduler } from './jobs/scheduler.js'
import { version } from './package.js'
import { openStore } from './store/open.js'
import { systemClock } from './sys/clock.js'
import { silentLogger } from './sys/log.js'

const clock = systemClock
const ourselves = { version: version(), who: userInfo().username }
const json = process.argv.includes('--json')
const SIGNALS = ['SIGINT', 'SIGTERM'] as const
const notice = (line: string): void => void (json || process.stderr.write(`${harmless(line)}\n`))
/** A network that comes back does so sooner, or much later; then the command is typed again. */
const patience = { budgetMs: 30_000, tell: notice }
const load = (path: string | undefined) => loadConfig(path === undefined ? {} : { path })

/** What works on any machine. A signal ends the process at once: there is nothing here to put in order. */
export async function openOutpost(options: GlobalOptions): Promise<OpenOutpost> {
  const { config } = load(options.config)
  const keyring = await loadKeyring(config.keys, options.identity ?? null)
  const store = openStore(config.store, { clock, patience })
  const hetzner = config.hetzner && hetznerClient(config.hetzner, { clock })
  const tool = `gmah-backup ${version()}`
  return { clock, hetzner, tool, repository: { store, keyring }, signal: new AbortController().signal }
}

export async function openDesk(options: GlobalOptions): Promise<Desk> {
  const { config } = load(options.config)
  const signals = interruptOnSignals()
  const log = silentLogger()
  const identityFile = options.identity ?? null
  const app = await openApp({ config, clock, log, shutdown: signals.shutdown, identityFile, patience })
  const { journal } = app
  const watching = {
    ...{ journal, clock, signal: signals.detached, cancel: signals.shutdown },
    closeDead: () => closeDeadRuns(app, journal),
    notice,
  }
  const run = <T>(job: DeskJob, work: DeskWork<T>, there?: AtDaemon<T>, action = job.name): Promise<T> =>
    signals.during(async () => {
      // With another identity than the daemon's, only this process can do it.
      const daemon =
        there && identityFile === null ? await findDaemon(config.stateDirectory, ourselves) : null
      if (!there || !daemon) return runJob(app, job, work, action)
      return signals.watching(() => runAtDaemon(daemon, there, watching))
    })
  return {
    ...app.parts(),
    journal: app.journal,
    tokens: app.tokens,
    playbookRuns: app.playbookRuns,
    playbooksFolder: app.playbooksFolder,
    verifyAudit: app.verifyAudit,
    scheduler: createScheduler(
      { journal: app.journal, states: app.states, clock, log, busy: () => false, launch: async () => {} },
      config.schedules,
    ),
    alerts: alertDesk(app),
    run,
    cancelRun: async (asked, reason) => {
      const daemon = await findDaemon(config.stateDirectory, ourselves)
      if (!daemon) throw withoutDaemon(asked)
      return cancelAtDaemon(daemon, asked.id, reason, watching)
    },
    question: async (question, asked) => {
      const daemon = identityFile === null ? await findDaemon(config.stateDirectory, ourselves) : null
      if (!daemon) return question.answer(app.parts(), asked, signals.shutdown)
      return reportOf(await daemon.ask(`/v1/questions/${question.name}`, asked as object)) as never
    },
    errand: (errand, asked, watch = {}) =>
      run(
        errand.job(asked),
        async context => {
          const { told, ...end } = await errand.perform(app.parts(), asked, { ...context, watch })
          return { ...end, result: told }
        },
        errandAtDaemon(app.journal, errand, asked, watch),
        errand.name,
      ),
    close: app.close,
  }
}

/** Every job is behind it, which a command that only looks never needs. */
async function closeDeadRuns(app: App, journal: Journal): Promise<void> {
  const daemonWork = await import('./jobs/daemon-work.js')
  await daemonWork.closeDeadRuns(app.parts(), journal)
}

/** What `gmah-backup alert` works on. What sends is loaded by who sends. */
function alertDesk(app: App): AlertDesk {
  const config = app.parts().config.alerts
  const name = config.name ?? hostname()
  return openAlertDesk({
    ...app.alerts,
    ...{ config, name, clock },
    openChannel: async channel => {
      const { openChannel } = await import('./alert/open-channel.js')
      return openChannel(channel, { language: config.language, installation: name })
    },
  })
}

/** One run, its line in the audit, and its result or what it failed of, which names the run. */
async function runJob<T>(app: App, job: DeskJob, work: DeskWork<T>, action: string): Promise<T> {
  await closeDeadRuns(app, app.journal)
  const done: { result?: T } = {}
  const { run, failure } = await app.runner.run({ ...job, trigger: 'manual' }, async context => {
    const { result, ...end } = await work(context)
    done.result = result
    return end
  })
  app.journal.audit({
    who: `${userInfo().username}, command line`,
    action,
    target: job.subject ?? 'all',
    outcome: failure ? 'failed' : 'allowed',
    run: run.id,
    detail: failure ? `${failure.code}: ${failure.message}` : null,
  })
  if (failure) throw inRun(failure, run.id)
  return done.result as T
}

function inRun({ code, message, hint, facts, cause, stack }: Failure, run: string): Failure {
  const named = new Failure(code, message, { hint, cause, facts: { ...facts, run } })
  if (stack !== undefined) named.stack = stack
  return named
}

function withoutDaemon({ id, process: { pid, host }, outcome }: Run): Failure {
  if (outcome !== 'running') return new Failure('cancel-too-late', `the run ${id} is over: ${outcome}`)
  return new Failure(
    'run-elsewhere',
    `the run ${id} is of process ${pid} on ${host}, and no daemon runs here`,
    {
      hint: `press Ctrl-C where it runs, or type \`kill -INT ${pid}\` on ${host}`,
    },
  )
}

/**
 * While a run goes on, the first signal ends it in good order: here, or at the daemon, where the second one ends only the
 * watching. Otherwise, and one time more, it ends the process.
 */
function interruptOnSignals() {
  const [first, second] = [new AbortController(), new AbortController()]
  const count = { runs: 0, watching: 0 }
  // Not `once`: a listener that is gone makes others, who tidy the cursor, think that the process should end.
  const interrupt = (signal: NodeJS.Signals) => {
    const reason = new Failure('interrupted', `interrupted by ${signal}`)
    if (!first.signal.aborted) return first.abort(reason)
    if (count.watching === 0 || second.signal.aborted) process.exit(EXIT.interrupted)
    second.abort(reason)
  }
  return {
    shutdown: first.signal,
    detached: second.signal,
    during: async <T>(work: () => Promise<T>): Promise<T> => {
      // Runs beside each other share one listener: of two, the second would take the first signal for a second one.
      if (count.runs++ === 0) for (const signal of SIGNALS) process.on(signal, interrupt)
      try {
        return await work()
      } finally {
        if (--count.runs === 0) for (const signal of SIGNALS) process.off(signal, interrupt)
      }
    },
    watching: async <T>(work: () => Promise<T>): Promise<T> => {
      count.watching += 1
      try {
        return await work()
      } finally {
        count.watching -= 1
      }
    },
  }
}
