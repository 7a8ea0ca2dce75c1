// `restore list`, `restore undo <run>`, `restore sweep`: what restores in place have put aside.
import type { Command } from 'commander'
import { EXIT } from '../domain/errors.js'
import { subjectName } from '../domain/subject.js'
import { confirmTenant } from './confirm.js'
import { act, type Doors } from './desk.js'
import { counted, instantText, show } from './output.js'
import { keptText, swapLines } from './restore-text.js'

export function restoreKeptCommands(restore: Command, doors: Doors): void {
  undoCommand(restore, doors)
  restore
    .command('list')
    .description('list the databases that restores in place have put aside, and how long they stay')
    .action((_options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const { KEPT } = await import('../jobs/question.js')
        const verdicts = await desk.question(KEPT, {})
        const json = verdicts.map(({ kept, drop, reason }) => ({ ...kept, drop, reason }))
        show(terminal, json, () => keptText(verdicts))
        return undefined
      }),
    )
  restore
    .command('sweep')
    .description('drop those whose days are over now, as the daily schedule does')
    .action((_options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const { SWEEP_KEPT } = await import('../jobs/errands-restore.js')
        const swept = await desk.errand(SWEEP_KEPT, {})
        const { dropped } = swept
        const failed = swept.failed.map(({ database, failure: { code, message } }) => ({
          database,
          code,
          message,
        }))
        show(terminal, { dropped, failed }, () => {
          const failures = failed.map(one => `FAILED ${one.database}: ${one.message} [${one.code}]`)
          return [...failures, `${counted(dropped.length, 'database')} dropped`, ...dropped].join('\n')
        })
        return failed.length > 0 ? EXIT.partial : undefined
      }),
    )
}

function undoCommand(restore: Command, doors: Doors): void {
  restore
    .command('undo')
    .argument('<run>', 'the run of the restore, or its beginning: see `restore list`')
    .option('--yes-restore <tenant>', "the tenant's name, where no terminal can ask for it")
    .description('bring back the database that a restore in place put aside')
    .action((run: string, _options, command: Command) =>
      act<{ yesRestore?: string }>(doors, command, async ({ desk, terminal, options }) => {
        const { RESTORE_UNDO } = await import('../jobs/errands-restore.js')
        const { UNDO } = await import('../jobs/question.js')
        const target = await desk.question(UNDO, { run })
        const { subject, kept } = target
        if (!terminal.json) {
          const since = kept.since ? ` since ${instantText(kept.since.toISOString())}` : ''
          terminal.err(
            `${kept.database}, put aside${since}, becomes ${kept.live} again; what is there now is put aside`,
          )
        }
        await confirmTenant(terminal, subjectName(subject), options.yesRestore)
        const request = { run: target.run, subject, confirm: subjectName(subject) }
        const outcome = await desk.errand(RESTORE_UNDO, request)
        show(terminal, { undone: target.run, subject, ...outcome }, () =>
          [`${outcome.database} is what it was before run ${target.run}`, ...swapLines(outcome)].join('\n'),
        )
        return outcome.poolerProblem ? EXIT.partial : undefined
      }),
    )
}
