// `check [tenant…]`: is everything there that the backups need, and does it read back.
import type { Command } from 'commander'
import { EXIT } from '../domain/errors.js'
import { type ReadMode, readModeOf } from '../domain/read-mode.js'
import { type CheckReport, endOfCheck, isSound } from '../jobs/check-report.js'
import { checkStore } from '../jobs/check-store.js'
import { parseNights, parseReadWords, parseSize } from './arguments.js'
import { checkJson, checkLine, checkText } from './check-text.js'
import { atDesk, type Desk, type Doors, type GlobalOptions } from './desk.js'
import { processTerminal, show } from './output.js'

interface CheckOptions extends GlobalOptions {
  read: string
  nights?: number
  budget?: number
}

export function checkCommand(program: Command, doors: Doors): void {
  program
    .command('check')
    .argument(
      '[tenant...]',
      'only these (a tenant, platform/master, platform/globals); all when none is given',
    )
    .description('look whether everything is there that the backups need, and read some or all of it back')
    .option(
      '--read <what>',
      'none, all, a random share like 5%, or rotate: the next slice',
      parseReadWords,
      'none',
    )
    .option('--nights <n>', 'runs of a whole rotation (default: as scheduled, else 30)', parseNights)
    .option('--budget <size>', 'read at most so much, like 20GiB (default: no limit)', parseSize)
    .action(async (tenants: string[], _options, command: Command) => {
      const options = command.optsWithGlobals<CheckOptions>()
      const terminal = processTerminal(options)
      await atDesk(doors, options, terminal, async desk => {
        const request = { names: tenants, mode: modeOf(desk, options), budgetBytes: options.budget ?? null }
        const checked = (check: Parameters<typeof checkLine>[0]): void => {
          if (!terminal.json) terminal.err(checkLine(check))
        }
        const report = await desk.run({ name: 'check' }, async context => {
          const result = await checkStore(desk, request, { ...context, watch: { checked } })
          return { ...endOfCheck(result), result }
        })
        show(terminal, checkJson(report), () => checkText(report))
        return exitOf(report)
      })
    })
}

/** A rotation by hand goes on where the scheduled one is. */
function modeOf(desk: Desk, { read, nights }: CheckOptions): ReadMode {
  const scheduled = desk.config.schedules.flatMap(one =>
    one.job === 'check' && one.read.kind === 'rotate' ? [one.read.nights] : [],
  )
  return readModeOf(read, nights ?? scheduled[0] ?? 30)
}

function exitOf({ checked, failed }: CheckReport): number {
  const damaged = checked.some(one => one.damaged.length + one.stillDamaged + one.broken.length > 0)
  if (damaged) return EXIT.integrity
  return failed.length > 0 || !checked.every(isSound) ? EXIT.partial : EXIT.ok
}
