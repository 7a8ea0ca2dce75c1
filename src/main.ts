#!/usr/bin/env node
// The daemon as PM2 starts it. `gmah-backup daemon` does the same in the foreground.
import { processTerminal, showFailure } from './cli/output.js'
import { runDaemon } from './daemon.js'

try {
  await runDaemon({ configPath: undefined })
} catch (thrown) {
  process.exitCode = showFailure(processTerminal({}), thrown)
}
// All is closed, but PM2 listens on its channel from inside our process, which would keep it alive until SIGKILL.
process.exit()
