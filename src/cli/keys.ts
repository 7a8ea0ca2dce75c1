// `keys init | show | rotate | generate`: the operator's keys; an identity is printed only when asked to make one for elsewhere.
import type { Command } from 'commander'
import { EXIT } from '../domain/errors.js'
import { subjectName } from '../domain/subject.js'
import type { RotationReport } from '../jobs/keys.js'
import { oneLine } from './cells.js'
import { act, type Doors, type GlobalOptions, reportFailure } from './desk.js'
import { counted, failureText, processTerminal, show } from './output.js'

export function keysCommand(program: Command, doors: Doors): void {
  const keys = program.command('keys').description('the keys that open the backups')
  generateCommand(keys, doors)
  initCommand(keys, doors)
  showCommand(keys, doors)
  rotateCommand(keys, doors)
}

function generateCommand(keys: Command, doors: Doors): void {
  keys
    .command('generate')
    .description(
      'print a new recovery identity, as age-keygen does: do this on another machine and keep it offline',
    )
    .action(async (_options, command: Command) => {
      const terminal = processTerminal(command.optsWithGlobals<GlobalOptions>())
      await reportFailure(terminal, async () => {
        const { newIdentityFile } = await import('../jobs/keys.js')
        const { text, recipient } = await newIdentityFile(doors.clock)
        if (!terminal.json) terminal.err(`recipient, for keys.recovery_recipients: ${recipient}`)
        show(terminal, { recipient, file: text }, () => text.trimEnd())
        return undefined
      })
    })
}

function initCommand(keys: Command, doors: Doors): void {
  keys
    .command('init')
    .description("make this machine's operational identity")
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>()
      const terminal = processTerminal(options)
      await reportFailure(terminal, async () => {
        const { initKeys } = await import('../jobs/keys.js')
        const { config } = await doors.loadConfig(options.config)
        const recipient = await initKeys(config.keys, doors.clock)
        show(
          terminal,
          { file: config.keys.operationalIdentityFile, recipient },
          made => `${made.file}\nrecipient: ${made.recipient}`,
        )
        return undefined
      })
    })
}

function showCommand(keys: Command, doors: Doors): void {
  keys
    .command('show')
    .description('show who can open what is wrapped from now on; no secrets')
    .action((_options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const [operational, ...recovery] = desk.repository.keyring.recipients
        const file = desk.config.keys.operationalIdentityFile
        show(terminal, { file, operational, recovery }, () =>
          [`operational: ${operational}  (${file})`, ...recovery.map(one => `recovery:    ${one}`)].join(
            '\n',
          ),
        )
        return undefined
      }),
    )
}

function rotateCommand(keys: Command, doors: Doors): void {
  keys
    .command('rotate')
    .option('--new-identity', 'also replace the operational identity by a new one')
    .description("wrap every tenant's key to today's recipients; no data is rewritten")
    .action((_options, command: Command) =>
      act<{ newIdentity?: true }>(doors, command, async ({ desk, terminal, options }) => {
        const { rotateKeys } = await import('../jobs/keys.js')
        const report = await desk.run({ name: 'keys-rotate' }, async context => {
          const result = await rotateKeys(desk, { newIdentity: options.newIdentity === true }, context)
          context.emit({
            type: 'keys-rotated',
            facts: { recipients: [...result.recipients], subjects: result.rewrapped.length },
          })
          return { outcome: result.failed.length > 0 ? 'partial' : 'succeeded', result }
        })
        show(terminal, reportJson(report), () =>
          [
            `${counted(report.rewrapped.length, 'key')} wrapped anew`,
            ...report.failed.map(
              ({ subject, failure }) => `FAILED ${oneLine(subjectName(subject))}: ${failureText(failure)}`,
            ),
          ].join('\n'),
        )
        return report.failed.length > 0 ? EXIT.partial : EXIT.ok
      }),
    )
}

const reportJson = ({ rewrapped, failed }: RotationReport) => ({
  rewrapped,
  failed: failed.map(({ subject, failure: { code, message, hint } }) => ({ subject, code, message, hint })),
})
