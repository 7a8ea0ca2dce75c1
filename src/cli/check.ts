// `check [tenant…]`: is everything there that the backups need, and does it read back.
import type { Command } from 'commander'
import { EXIT } from '../domain/errors.js'
import { type CheckReport, isSound } from '../jobs/check-report.js'
import { parseNights, parseReadWords, parseSize } from './arguments.js'
import { checkJson, checkLine, checkText } from './check-text.js'
import { act, type Desk, type Doors, type GlobalOptions } from './desk.js'
import { show } from './output.js'

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
    .action((tenants: string[], _options, command: Command) =>
      act<CheckOptions>(doors, command, async ({ desk, terminal, options }) => {
        const { CHECK } = await import('../jobs/errands-store.js')
        const { read, budget = null } = options
        const request = { names: tenants, read, nights: nightsOf(desk, options), budgetBytes: budget }
        const report = await desk.errand(CHECK, request, {
          checked: (...check) => {
            if (!terminal.json) terminal.err(checkLine(...check))
          },
        })
        show(terminal, checkJson(report), () => checkText(report))
        return exitOf(report)
      }),
    )
}

/** A rotation by hand goes on where the scheduled one is. */
function nightsOf(desk: Desk, { nights }: CheckOptions): number {
  const scheduled = desk.config.schedules.flatMap(one =>
    one.job === 'check' && one.read.kind === 'rotate' ? [one.read.nights] : [],
  )
  return nights ?? scheduled[0] ?? 30
}

function exitOf({ checked, failed, gone }: CheckReport): number {
  const damaged = checked.some(one => one.damaged.length + one.stillDamaged + one.broken.length > 0)
  if (damaged || gone.length > 0) return EXIT.integrity
  return failed.length > 0 || !checked.every(isSound) ? EXIT.partial : EXIT.ok
}
