// `runs`: what was done, when, and how it ended.
import type { Command } from 'commander'
import { parseRunId } from '../domain/ids.js'
import { subjectName } from '../domain/subject.js'
import type { Run } from '../jobs/journal-rows.js'
import { atDesk, type Doors, type GlobalOptions } from './desk.js'
import { instantText, processTerminal, secondsText, show, table } from './output.js'

export function runsCommand(program: Command, doors: Doors): void {
  program
    .command('runs')
    .argument('[id]', 'show the events of this run')
    .description('list the runs, newest first, or what happened in one of them')
    .option('--limit <n>', 'at most so many', '20')
    .action(async (id: string | undefined, _options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { limit: string }>()
      const terminal = processTerminal(options.json === true)
      await atDesk(doors, options, terminal, async desk => {
        if (id !== undefined) {
          const events = desk.journal.events({ run: parseRunId(id) })
          show(terminal, events, () => events.map(eventText).join('\n') || `no events of a run ${id}`)
          return undefined
        }
        show(terminal, desk.journal.runs({ limit: Number(options.limit) }), runsText)
        return undefined
      })
    })
}

function runsText(runs: Run[]): string {
  if (runs.length === 0) return 'no runs yet; type `gmah-backup backup`'
  const rows = runs.map(run => [
    run.id,
    run.job,
    run.subject ? subjectName(run.subject) : 'all',
    run.trigger,
    instantText(run.startedAt.toISOString()),
    run.finishedAt ? secondsText((run.finishedAt.getTime() - run.startedAt.getTime()) / 1000) : '',
    run.outcome,
    run.error ? `${run.error.code}: ${run.error.message}` : factsText(run.facts),
  ])
  return table(['run', 'job', 'subject', 'trigger', 'started', 'took', 'outcome', ''], rows)
}

const factsText = (facts: Record<string, unknown>): string =>
  Object.entries(facts)
    .map(([name, value]) => `${value} ${name}`)
    .join(', ')

function eventText({
  at,
  type,
  subject,
  facts,
}: {
  at: string
  type: string
  subject: string | null
  facts: unknown
}): string {
  return `${instantText(at)}  ${type.padEnd(18)} ${subject ?? ''}  ${JSON.stringify(facts)}`
}
