#!/usr/bin/env node
// The daemon as PM2 starts it. `gmah-backup daemon` does the same in the foreground.
import { processTerminal, showFailure } from './cli/output.js'
import { runDaemon } from './daemon.js'

try {
  await runDaemon({ configPath: undefined })
} catch (thrown) {
  process.exitCode = showFailure(processTerminal({}), thrown)
}
