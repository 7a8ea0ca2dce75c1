// The command line as a whole: every command, its arguments and its help. What each does is in a file of its own.
import { Command, CommanderError } from 'commander'
import { EXIT, Failure } from '../domain/errors.js'
import { alertCommand } from './alert.js'
import { archiveCommand } from './archive.js'
import { auditCommand } from './audit.js'
import { backupCommand } from './backup.js'
import { backupsCommand } from './backups.js'
import { catalogueCommand } from './catalogue.js'
import { checkCommand } from './check.js'
import { configCommand } from './config.js'
import { daemonCommand } from './daemon.js'
import type { Doors } from './desk.js'
import { docsCommand } from './docs.js'
import { keysCommand } from './keys.js'
import { processTerminal, showFailure } from './output.js'
import { playbookCommand } from './playbook.js'
import { recoverCommand } from './recover.js'
import { restoreCommand } from './restore.js'
import { retentionCommand, sweepCommand } from './retention.js'
import { runsCommand } from './runs.js'
import { schedulesCommand } from './schedules.js'
import { snapshotCommand } from './snapshot.js'
import { statusCommand } from './status.js'
import { tenantsCommand } from './tenants.js'
import { tokensCommand } from './tokens.js'
import { verifyCommand } from './verify.js'
import { vpsCommand } from './vps.js'

const AFTER = `
A tenant is called by its own name; platform/master and platform/globals (the
roles) are backed up like tenants. Results go to stdout, all else to stderr.

Exit status: 0 done, 1 unexpected, 2 wrong usage or configuration, 3 partial,
4 not found, 5 refused, 6 store, 7 PostgreSQL, 8 integrity, 9 keys, 10 busy,
11 Hetzner, 130 interrupted or cancelled. Each error code is explained in
docs/errors.md.`

/** As somebody looks for them: first what is wrong, then what to do about it. */
const GROUPS: readonly (readonly [string, readonly ((program: Command, doors: Doors) => void)[]])[] = [
  ['Look:', [statusCommand, tenantsCommand, backupsCommand, runsCommand, schedulesCommand, alertCommand]],
  ['Back up:', [backupCommand, archiveCommand, snapshotCommand]],
  ['Put back:', [restoreCommand, recoverCommand, playbookCommand, vpsCommand]],
  ['Prove and tidy:', [verifyCommand, checkCommand, retentionCommand, sweepCommand]],
  ['Set up:', [configCommand, keysCommand, tokensCommand, auditCommand, catalogueCommand, daemonCommand]],
]

/** Whatever is typed wrongly, the hint names the help of that very command. */
function pointAtHelp(command: Command, path: string): void {
  command.showHelpAfterError(`  hint: type \`${path} --help\``)
  for (const inner of command.commands) pointAtHelp(inner, `${path} ${inner.name()}`)
}

/**
 * The whole program. Commands set process.exitCode; nothing here ends the process.
 * @param json wrong usage is told as JSON too, which must be known before the arguments are understood.
 */
export function createProgram(doors: Doors, version: string, json: boolean): Command {
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
    .option('--debug', 'print where in the program an error came from')
    .addHelpText('after', AFTER)
    .configureHelp({ minWidthToWrap: 24 })
    .exitOverride()
    .configureOutput({
      writeErr: text => void (json || process.stderr.write(text)),
      outputError: (text, write) => write(text.replace(/\n\(Did/, ' (did')),
    })
  for (const [heading, commands] of GROUPS) {
    program.commandsGroup(heading)
    for (const command of commands) command(program, doors)
  }
  docsCommand(program, doors)
  pointAtHelp(program, 'gmah-backup')
  return program
}

/** Parses and runs. Wrong usage has been explained on stderr by then, or is told as JSON, and exits 2. */
export async function runProgram(program: Command, argv: readonly string[], json: boolean): Promise<void> {
  try {
    await program.parseAsync([...argv])
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    process.exitCode = thrown.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (json && thrown.exitCode !== 0) showFailure(processTerminal({ json }), wrongUsage(thrown))
  }
}

function wrongUsage({ code, message }: CommanderError): Failure {
  const text = code === 'commander.help' ? 'which command?' : message.replace(/^error: /, '')
  return new Failure('usage', text.replace(/\n\(Did/, ' (did'))
}
