// `config check` and `config show`: every problem at once, and what the program runs on, without its secrets.
import type { Command } from 'commander'
import { EXIT, Failure } from '../domain/errors.js'
import { checkConfigOnline } from './config-online.js'
import { type Doors, type GlobalOptions, reportFailure } from './desk.js'
import { counted, processTerminal, show, type Terminal } from './output.js'

interface Problem {
  path: string
  message: string
  hint?: string
  at?: string
}

export function configCommand(program: Command, doors: Doors): void {
  const config = program.command('config').description('the configuration')
  config
    .command('check')
    .description('read the configuration, the schedules and the secret files, and print every problem')
    .option('--online', 'also try them: the store, PostgreSQL, its tools and our rights on every database')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { online?: true }>()
      const terminal = processTerminal(options)
      const files: { offline?: object } = {}
      await reportFailure(terminal, async () => {
        const { status, found } = await check(doors, options, terminal, options.online === true)
        if (found && options.online) files.offline = found
        return status
      })
      if (files.offline) await checkConfigOnline(doors, options, terminal, files.offline)
    })
  config
    .command('show')
    .description('print what the program runs on, defaults included, secrets redacted')
    .action((_options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>()
      const terminal = processTerminal(options)
      return reportFailure(terminal, async () => {
        const { config } = await doors.loadConfig(options.config)
        terminal.out(JSON.stringify(await doors.describeConfig(config), null, 2))
        return undefined
      })
    })
}

/** @param more something else follows, and goes into the same JSON document. */
async function check(
  doors: Doors,
  options: GlobalOptions,
  terminal: Terminal,
  more: boolean,
): Promise<{ status: number; found: object | null }> {
  try {
    const { config, warnings } = await doors.loadConfig(options.config)
    const found = { file: config.file, problems: [], warnings }
    if (!(terminal.json && more)) {
      show(terminal, found, () =>
        [
          ...warnings.map(problemText('warning')),
          `${config.file} is in order, with ${counted(config.schedules.length, 'schedule')}`,
        ].join('\n'),
      )
    }
    return { status: EXIT.ok, found }
  } catch (thrown) {
    const problems = thrown instanceof Failure ? (thrown.facts.problems as Problem[] | undefined) : undefined
    if (!problems || terminal.json) throw thrown
    for (const problem of problems) terminal.err(problemText('problem')(problem))
    terminal.err(`${counted(problems.length, 'problem')}; nothing was started or changed`)
    return { status: EXIT.usage, found: null }
  }
}

const problemText =
  (what: string) =>
  ({ path, message, hint, at }: Problem): string =>
    [
      `${what}: ${[path, message].filter(Boolean).join(': ')}`,
      ...(at ? [`    at:   ${at}`] : []),
      ...(hint ? [`    hint: ${hint}`] : []),
    ].join('\n')
