// The command line as a whole: every command, its arguments and its help. What each does is in a file of its own.
import { Command, CommanderError } from 'commander'
import { EXIT } from '../domain/errors.js'
import { backupCommand } from './backup.js'
import { backupsCommand } from './backups.js'
import { catalogueCommand } from './catalogue.js'
import { configCommand } from './config.js'
import { daemonCommand } from './daemon.js'
import type { Doors } from './desk.js'
import { keysCommand } from './keys.js'
import { restoreCommand } from './restore.js'
import { runsCommand } from './runs.js'
import { schedulesCommand } from './schedules.js'
import { tenantsCommand } from './tenants.js'

const EXIT_STATUSES = `
Exit status: 0 done, 1 unexpected, 2 wrong usage or configuration, 3 partial, 4 not found, 5 refused, 6 store,
7 PostgreSQL, 8 integrity, 9 keys, 10 busy, 130 interrupted. Each error code: docs/errors.md.`

/** The whole program. Commands set process.exitCode; nothing here ends the process. */
export function createProgram(doors: Doors, version: string): Command {
  const program = new Command('gmah-backup')
    .description('Backup and restore for platforms that keep one PostgreSQL database per tenant.')
    .version(version)
    .option(
      '-c, --config <file>',
      'the configuration (default: gmah-backup.yaml here or in /etc/gmah-backup)',
    )
    .option(
      '--identity <file>',
      'open backups with this age identity instead of the operational one (recovery)',
    )
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', EXIT_STATUSES)
    .showHelpAfterError()
    .exitOverride()
  const commands = [
    daemonCommand,
    configCommand,
    tenantsCommand,
    backupCommand,
    backupsCommand,
    restoreCommand,
    runsCommand,
    schedulesCommand,
    keysCommand,
    catalogueCommand,
  ]
  for (const command of commands) command(program, doors)
  return program
}

/** Parses and runs. Wrong usage has been explained on stderr by then, and exits 2. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  try {
    await program.parseAsync([...argv])
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    process.exitCode = thrown.exitCode === 0 ? EXIT.ok : EXIT.usage
  }
}
