// `daemon`: the long-running service, in the foreground; PM2 keeps it alive.
import type { Command } from 'commander'
import { type Doors, type GlobalOptions, reportFailure } from './desk.js'
import { processTerminal } from './output.js'

export function daemonCommand(program: Command, doors: Doors): void {
  program
    .command('daemon')
    .description('run the service in the foreground (PM2 runs it through ecosystem.config.cjs)')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>()
      await reportFailure(processTerminal(options), async () => {
        await doors.runDaemon(options)
        return undefined
      })
    })
}
