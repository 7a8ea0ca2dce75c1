// What happened: runs, append-only events and audit lines. A cache for people and schedules; no restore needs it.
import { Failure } from '../domain/errors.js'
import type { NewEvent, StoredEvent } from '../domain/events.js'
import { newRunId, type RunId } from '../domain/ids.js'
import type { LiveEvent } from '../domain/live-events.js'
import type { Outcome, Trigger } from '../domain/run-events.js'
import type { SubjectId } from '../domain/subject.js'
import type { Clock } from '../sys/clock.js'
import { ownIdentity, type ProcessIdentity } from '../sys/process-identity.js'
import { guard, type Sqlite } from '../sys/sqlite.js'
import { auditWriter } from './audit.js'
import { type JournalReader, readJournal } from './journal-reader.js'
import {
  type EventRow,
  errorFacts,
  fromEvent,
  fromRun,
  type NewAuditLine,
  type Run,
  type RunRow,
  toEvent,
  toRun,
} from './journal-rows.js'
import { reportText } from './kept-report.js'

export interface NewRun {
  job: string
  subject?: SubjectId | null
  trigger: Trigger
  due?: Date | null
}

export type Listener = (event: StoredEvent | LiveEvent) => void

export interface Journal extends JournalReader {
  /** Opens a run of this process and says so. */
  startRun(run: NewRun): Run
  /** Closes a run, once. @throws Failure unexpected when it is closed already; run-unknown when there is none. */
  finishRun(
    id: RunId,
    end: {
      outcome: Exclude<Outcome, 'running'>
      failure?: Failure
      facts?: Record<string, unknown>
      /** For whoever asked for it from another process; plain data, dates and failures. */
      report?: unknown
    },
  ): Run
  /** Keeps an event, then tells the listeners of this process. */
  event(event: NewEvent): StoredEvent
  /** Tells the listeners and keeps nothing. */
  announce(event: LiveEvent): void
  /** Keeps who did what, for ever, chained to the line before. */
  audit(line: NewAuditLine): void
  /** Closes as interrupted each run whose process is gone, and says so. @returns those runs. */
  closeInterrupted(isAlive: (process: ProcessIdentity) => boolean): Run[]
  /** Calls back for each event of this process until the returned function is called. */
  subscribe(listener: Listener): () => void
}

/** A journal on an open database. `report` hears of listeners that throw: an observer never breaks what it observes. */
export function openJournal(db: Sqlite, clock: Clock, report: (error: unknown) => void = () => {}): Journal {
  const listeners = new Set<Listener>()
  const tell: Listener = event => {
    for (const listener of listeners) {
      try {
        listener(event)
      } catch (error) {
        report(error)
      }
    }
  }
  const reader = readJournal(db)
  const rows = rowWriter(db, clock)
  const audit = auditWriter(db, clock)
  const written = (write: () => StoredEvent): StoredEvent => {
    const event = guard(db.name, write)
    tell(event)
    return event
  }
  const finishRun: Journal['finishRun'] = (id, { outcome, failure, facts = {}, report }) => {
    const open = reader.run(id)
    if (!open) throw new Failure('run-unknown', `there is no run ${id}`)
    const error = failure ? errorFacts(failure) : null
    const closed: Run = { ...open, outcome, error, facts, finishedAt: clock.now() }
    const text = report === undefined ? null : reportText(report)
    written(() => rows.close(closed, text))
    return closed
  }
  return {
    ...reader,
    startRun: run => {
      const started = newRun(run, clock)
      written(() => rows.open(started))
      return started
    },
    finishRun,
    event: event => written(() => rows.append(event)),
    announce: tell,
    audit,
    closeInterrupted: isAlive =>
      guard(db.name, rows.running)
        .filter(run => !isAlive(run.process))
        .map(run => finishRun(run.id, { outcome: 'interrupted', failure: gone(run) })),
    subscribe: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function rowWriter(db: Sqlite, clock: Clock) {
  const columns =
    'id, job, subject, trigger, due, host, pid, process_start, started_at, finished_at, outcome, error, facts'
  const insertRun = db.prepare(`insert into runs (${columns}) values (${columns.replace(/(\w+)/g, '@$1')})`)
  const closeRun = db.prepare(
    `update runs set finished_at = @finished_at, outcome = @outcome, error = @error, facts = @facts, report = @report
     where id = @id and outcome = 'running'`,
  )
  const running = db.prepare(`select * from runs where outcome = 'running'`)
  const insertEvent = db.prepare(
    'insert into events (at, run, subject, type, facts) values (@at, @run, @subject, @type, @facts) returning *',
  )
  const append = (event: NewEvent): StoredEvent =>
    toEvent(insertEvent.get(fromEvent(event, clock.now())) as EventRow)
  // A run and the event that tells of it are one commit: there is never the one without the other.
  const open = db.transaction((run: Run): StoredEvent => {
    insertRun.run(fromRun(run))
    return append(startOf(run))
  })
  const close = db.transaction((run: Run, report: string | null): StoredEvent => {
    if (closeRun.run({ ...fromRun(run), report }).changes === 0) {
      throw new Failure('unexpected', `the run ${run.id} is closed already`)
    }
    return append(endOf(run))
  })
  return {
    append,
    open: (run: Run) => open.immediate(run),
    close: (run: Run, report: string | null) => close.immediate(run, report),
    running: () => (running.all() as RunRow[]).map(toRun),
  }
}

const newRun = ({ job, subject = null, trigger, due = null }: NewRun, clock: Clock): Run => ({
  id: newRunId(),
  job,
  subject,
  trigger,
  due,
  process: ownIdentity(),
  startedAt: clock.now(),
  finishedAt: null,
  outcome: 'running',
  error: null,
  facts: {},
})

const startOf = ({ id, subject, job, trigger, due }: Run): NewEvent => ({
  type: 'run-started',
  run: id,
  subject,
  facts: { job, trigger, due: due?.toISOString() ?? null },
})

const gone = ({ process }: Run): Failure =>
  new Failure('interrupted', `process ${process.pid} on ${process.host} ended without closing the run`)

function endOf({ id, subject, job, outcome, error, startedAt, finishedAt }: Run): NewEvent {
  const durationMs = Math.max(0, (finishedAt?.getTime() ?? 0) - startedAt.getTime())
  const about = { run: id, subject }
  if (outcome === 'interrupted' && error)
    return { type: 'run-interrupted', ...about, facts: { job, durationMs, error } }
  if (outcome === 'cancelled' && error)
    return { type: 'run-cancelled', ...about, facts: { job, durationMs, error } }
  const ended = outcome === 'succeeded' || outcome === 'partial' ? outcome : 'failed'
  return { type: 'run-finished', ...about, facts: { job, outcome: ended, durationMs, error } }
}
