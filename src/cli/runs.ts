// `runs`: what was done, when, and how it ended.
import type { Command } from 'commander'
import { Failure } from '../domain/errors.js'
import { subjectName } from '../domain/subject.js'
import type { Run } from '../jobs/journal-rows.js'
import { parseCount } from './arguments.js'
import { act, type Desk, type Doors } from './desk.js'
import { show } from './output.js'
import { runsText, runText } from './run-text.js'

export function runsCommand(program: Command, doors: Doors): void {
  const showRuns = (id: string | undefined, _options: unknown, command: Command) =>
    act<{ limit: number }>(doors, command, async ({ desk, terminal, options }) => {
      if (id === undefined) {
        const runs = desk.journal.runs({ limit: options.limit })
        show(terminal, runs, () => runsText(runs, terminal.columns))
        return undefined
      }
      const run = findRun(desk.journal, id)
      const events = desk.journal.events({ run: run.id, limit: EVENTS_MAX })
      show(terminal, { run, events }, () => runText(run, events))
      return undefined
    })
  const runs = program
    .command('runs')
    .argument('[id]', 'show what happened in this run; the beginning of its id is enough')
    .description('list the runs, newest first, or what happened in one of them')
    .option('--limit <n>', 'at most so many', parseCount, 20)
    .action(showRuns)
  // Backups, playbooks and archives have a `show`: whoever types it here means the same.
  runs
    .command('show')
    .argument('<id>', 'a run, or the beginning of its id')
    .description('the same as `runs ID`')
    .action(showRuns)
  cancelCommand(runs, doors)
}

function cancelCommand(runs: Command, doors: Doors): void {
  runs
    .command('cancel')
    .argument('<id>', 'the run, or the beginning of its id')
    .option('--why <reason>', 'kept with the run')
    .description('end a run of the daemon before its time, and wait until what it began is cleared away')
    .action((id: string, _options, command: Command) =>
      act<{ why?: string }>(doors, command, async ({ desk, terminal, options }) => {
        const run = await desk.cancelRun(findRun(desk.journal, id), options.why ?? null)
        const subject = run.subject === null ? '' : ` of ${subjectName(run.subject)}`
        show(terminal, run, () => `${run.job}${subject}, run ${run.id}: ${run.error?.message}`)
        return undefined
      }),
    )
}

/** Tens of thousands of tenants in one night stay below. */
const EVENTS_MAX = 200_000
/** How far back a beginning of an id is looked for. */
const RUNS_MAX = 10_000

function findRun(journal: Desk['journal'], id: string): Run {
  if (!/^[0-9a-f]{4,12}$/.test(id)) {
    throw new Failure('usage', `not a run id: ${id}`, { hint: 'give at least four of its twelve hex digits' })
  }
  const fits = journal.runs({ limit: RUNS_MAX }).filter(run => run.id.startsWith(id))
  const [run] = fits
  if (!run) throw new Failure('run-unknown', `there is no run ${id} in the journal`)
  if (fits.length === 1) return run
  throw new Failure('usage', `${id} is the beginning of ${fits.length} run ids`, { hint: 'type more digits' })
}
