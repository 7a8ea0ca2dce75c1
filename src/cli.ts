#!/usr/bin/env node
// The command line's entry: the doors that the commands need. What stands behind one is loaded when a command opens it, so
// that help, and a word that was mistyped, cost a tenth of what a backup does.
import { surviveBrokenPipes } from './cli/output.js'
import { createProgram, runProgram } from './cli/program.js'
import { version } from './package.js'
import { systemClock } from './sys/clock.js'

const json = process.argv.includes('--json')

surviveBrokenPipes()
const program = createProgram(
  {
    clock: systemClock,
    loadConfig: async path => (await import('./config.js')).loadConfig(path === undefined ? {} : { path }),
    describeConfig: async config =>
      (await import('./domain/describe-configuration.js')).describeConfig(config),
    openDesk: async options => (await import('./desk.js')).openDesk(options),
    openOutpost: async options => (await import('./desk.js')).openOutpost(options),
    runDaemon: async options => (await import('./daemon.js')).runDaemon({ configPath: options.config }),
  },
  version(),
  json,
)
await runProgram(program, process.argv, json)
