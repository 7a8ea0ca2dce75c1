#!/usr/bin/env node
// The command line's entry: opens the doors that the commands need.
import { userInfo } from 'node:os'
import { openApp, version } from './app.js'
import type { Desk, GlobalOptions } from './cli/desk.js'
import { createProgram, runProgram } from './cli/program.js'
import { loadConfig } from './config.js'
import { runDaemon } from './daemon.js'
import { describeConfig } from './domain/describe-configuration.js'
import { Failure } from './domain/errors.js'
import { closeDeadRuns } from './jobs/daemon-work.js'
import { createScheduler } from './jobs/scheduler.js'
import { systemClock } from './sys/clock.js'
import { silentLogger } from './sys/log.js'

const clock = systemClock
const load = (path: string | undefined) => loadConfig(path === undefined ? {} : { path })

async function openDesk(options: GlobalOptions): Promise<Desk> {
  const { config } = load(options.config)
  const shutdown = interruptOnSignals()
  const log = silentLogger()
  const app = await openApp({ config, clock, log, shutdown, identityFile: options.identity ?? null })
  const parts = app.parts()
  const schedulerParts = {
    journal: app.journal,
    states: app.states,
    clock,
    log,
    busy: () => false,
    launch: async () => {},
  }
  return {
    ...parts,
    journal: app.journal,
    scheduler: createScheduler(schedulerParts, config.schedules),
    run: async (job, work) => {
      await closeDeadRuns(parts, app.journal)
      let result: Awaited<ReturnType<typeof work>>['result'] | undefined
      const { failure } = await app.runner.run({ ...job, trigger: 'manual' }, async context => {
        const end = await work(context)
        result = end.result
        return { outcome: end.outcome, ...(end.facts ? { facts: end.facts } : {}) }
      })
      app.journal.audit({
        who: `${userInfo().username}, command line`,
        action: job.name,
        target: job.subject ?? 'all',
        outcome: failure ? 'failed' : 'allowed',
        detail: failure ? `${failure.code}: ${failure.message}` : null,
      })
      if (failure) throw failure
      return result as Awaited<ReturnType<typeof work>>['result']
    },
    close: app.close,
  }
}

/** The first signal ends what runs in good order; a second one ends the process. */
function interruptOnSignals(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => controller.abort(new Failure('interrupted', `interrupted by ${signal}`)))
  }
  return controller.signal
}

const program = createProgram(
  {
    clock,
    loadConfig: load,
    describeConfig,
    openDesk,
    runDaemon: options => runDaemon({ configPath: options.config }),
  },
  version(),
)
await runProgram(program, process.argv)
