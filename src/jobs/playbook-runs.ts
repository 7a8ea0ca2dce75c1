// What is remembered of each execution of a playbook, step by step, so that a crash costs at most the step it was in.
import type { ErrorFacts } from '../domain/error-facts.js'
import { Failure } from '../domain/errors.js'
import type { RunId } from '../domain/ids.js'
import type { PlaybookStep } from '../domain/playbook.js'
import { guard, type Sqlite } from '../sys/sqlite.js'

export interface StepState {
  /** Its parameters filled in, as it was when the playbook was started. */
  step: PlaybookStep
  state: 'pending' | 'running' | 'waiting' | 'done' | 'failed'
  /** The run that did it; a crash in the middle is judged by this run's end. */
  run: RunId | null
  startedAt: string | null
  endedAt: string | null
  /** What it found or did, in a line. */
  said: string
  error: ErrorFacts | null
}

export interface PlaybookRun {
  /** That of the run that started it. */
  id: RunId
  playbook: string
  title: string
  parameters: Record<string, string>
  startedAt: string
  /** Who; null when it is not known. */
  startedBy?: string | null
  state: 'running' | 'waiting' | 'failed' | 'succeeded'
  steps: StepState[]
}

export interface PlaybookRuns {
  save(run: PlaybookRun): void
  /** @param beginning an id, or its first digits. @throws Failure run-unknown, or usage when it fits several. */
  find(beginning: string): PlaybookRun
  /** Newest first. */
  list(limit: number): PlaybookRun[]
}

/** Runs in the table `playbook_runs`. */
export function openPlaybookRuns(db: Sqlite): PlaybookRuns {
  const insert = db.prepare(
    `insert into playbook_runs (id, started_at, run) values (@id, @startedAt, @run)
     on conflict (id) do update set run = @run`,
  )
  const fitting = db.prepare('select run from playbook_runs where substr(id, 1, length(@id)) = @id limit 2')
  const newest = db.prepare('select run from playbook_runs order by started_at desc, id limit ?')
  const read = (row: unknown): PlaybookRun => JSON.parse((row as { run: string }).run)
  return {
    save: run => {
      const { id, startedAt } = run
      guard(db.name, () => void insert.run({ id, startedAt, run: JSON.stringify(run) }))
    },
    find: beginning => {
      const [found, other] = guard(db.name, () => fitting.all({ id: beginning }).map(read))
      if (found && !other && beginning !== '') return found
      if (found)
        throw new Failure('usage', `${beginning} is the beginning of several ids`, {
          hint: 'type more digits',
        })
      throw new Failure('run-unknown', `no playbook was run as ${beginning}`, {
        hint: 'type `gmah-backup playbook list` to see what was run',
      })
    },
    list: limit => guard(db.name, () => newest.all(limit).map(read)),
  }
}
