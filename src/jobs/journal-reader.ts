// What the journal answers: runs, events and audit lines, of every process that writes to this file.
import type { EventType, StoredEvent } from '../domain/events.js'
import type { RunId } from '../domain/ids.js'
import type { Outcome } from '../domain/run-events.js'
import type { SubjectId } from '../domain/subject.js'
import { guard, type Sqlite } from '../sys/sqlite.js'
import {
  type AuditLine,
  type AuditRow,
  type EventRow,
  type Run,
  type RunRow,
  toEvent,
  toRun,
} from './journal-rows.js'
import { reportOf } from './kept-report.js'

export interface RunFilter {
  /** Default 50. Newest first. */
  limit?: number
  job?: string
  subject?: SubjectId
  state?: Outcome
}

interface EventFilter {
  afterSeq?: number
  run?: RunId
  types?: readonly EventType[]
  limit?: number
}

export interface JournalReader {
  runs(filter?: RunFilter): Run[]
  /** Null when there is none. */
  run(id: RunId): Run | null
  /** What a run had to say at its end, where somebody asked for it; null when nobody did, or it failed. */
  report(id: RunId): unknown
  /** Runs of a job as a whole that a schedule asked for at this instant, oldest first. */
  runsDue(job: string, due: Date): Run[]
  /** The newest run of a job as a whole, of one outcome if asked; null when there is none. */
  lastRun(job: string, outcome?: Outcome): Run | null
  /** Every step and end of a swap, oldest first. */
  swapEvents(): SwapEvent[]
  /** Oldest first, those after a sequence number, at most `limit` (default 1000), of every process on this file. */
  events(filter?: EventFilter): StoredEvent[]
  /** All of these types about a subject, or about none, oldest first: read from an index, however long the journal is. */
  eventsAbout(subject: SubjectId | null, types: readonly EventType[]): StoredEvent[]
  /** The newest event of these types about a subject, of those before a sequence number if asked; null when there is none. */
  lastEvent(subject: SubjectId, types: readonly EventType[], beforeSeq?: number): StoredEvent | null
  /** Newest first, default 100; older than a sequence number if asked. */
  auditLines(filter?: { limit?: number }): AuditLine[]
}

export type SwapEvent = Extract<StoredEvent, { type: 'swap-step' | 'swap-finished' | 'swap-repaired' }>

/** The reading half of the journal on an open database. */
export function readJournal(db: Sqlite): JournalReader {
  const all = <Row, T>(rows: () => unknown[], read: (row: Row) => T): T[] =>
    guard(db.name, () => (rows() as Row[]).map(read))
  const audit = db.prepare(
    `select audit.*, runs.outcome as ended from audit left join runs on runs.id = audit.run
     order by audit.seq desc limit ?`,
  )
  return {
    ...readRuns(db, all),
    ...readEvents(db, all),
    auditLines: ({ limit = 100 } = {}) =>
      all<AuditRow & Pick<AuditLine, 'ended'>, AuditLine>(
        () => audit.all(limit),
        row => ({ ...row, at: new Date(row.at) }),
      ),
  }
}

type All = <Row, T>(rows: () => unknown[], read: (row: Row) => T) => T[]

function readRuns(db: Sqlite, all: All) {
  const one = db.prepare('select * from runs where id = ?')
  const newest = db.prepare(
    `select * from runs where (@job is null or job = @job) and (@subject is null or subject = @subject)
     and (@state is null or outcome = @state) order by started_at desc, rowid desc limit @limit`,
  )
  const last = db.prepare(
    `select * from runs where job = @job and subject is null and (@outcome is null or outcome = @outcome)
     order by started_at desc, rowid desc limit 1`,
  )
  const due = db.prepare(
    'select * from runs where job = ? and due = ? and subject is null order by started_at, rowid',
  )
  return {
    runs: ({ limit = 50, job, subject, state }: RunFilter = {}) => {
      const asked = { limit, job: job ?? null, subject: subject ?? null, state: state ?? null }
      return all<RunRow, Run>(() => newest.all(asked), toRun)
    },
    run: (id: RunId) => all<RunRow, Run>(() => one.all(id), toRun)[0] ?? null,
    report: (id: RunId) => all(() => one.all(id), reportIn)[0] ?? null,
    lastRun: (job: string, outcome?: Outcome) =>
      all<RunRow, Run>(() => last.all({ job, outcome: outcome ?? null }), toRun)[0] ?? null,
    runsDue: (job: string, at: Date) => all<RunRow, Run>(() => due.all(job, at.toISOString()), toRun),
  }
}

function readEvents(db: Sqlite, all: All) {
  const after = db.prepare(
    `select * from events where seq > @afterSeq and (@run is null or run = @run)
     and (@types is null or type in (select value from json_each(@types))) order by seq limit @limit`,
  )
  const swaps = db.prepare(
    `select * from events where type in ('swap-step', 'swap-finished', 'swap-repaired') order by seq`,
  )
  const ofTypes = 'type in (select value from json_each(@types)) order by seq'
  const about = db.prepare(`select * from events where subject = @subject and ${ofTypes}`)
  const aboutNone = db.prepare(`select * from events where subject is null and ${ofTypes}`)
  const newest = db.prepare(
    `select * from events where subject = @subject and seq < @beforeSeq and ${ofTypes} desc limit 1`,
  )
  return {
    swapEvents: () =>
      all<EventRow, SwapEvent>(
        () => swaps.all(),
        row => toEvent(row) as SwapEvent,
      ),
    events: ({ afterSeq = 0, run, types, limit = 1000 }: EventFilter = {}) => {
      const asked = { afterSeq, run: run ?? null, types: types ? JSON.stringify(types) : null, limit }
      return all<EventRow, StoredEvent>(() => after.all(asked), toEvent)
    },
    eventsAbout: (subject: SubjectId | null, types: readonly EventType[]) => {
      const asked = { types: JSON.stringify(types) }
      const find = () => (subject === null ? aboutNone.all(asked) : about.all({ subject, ...asked }))
      return all<EventRow, StoredEvent>(find, toEvent)
    },
    lastEvent: (subject: SubjectId, types: readonly EventType[], beforeSeq = Number.MAX_SAFE_INTEGER) => {
      const asked = { subject, types: JSON.stringify(types), beforeSeq }
      return all<EventRow, StoredEvent>(() => newest.all(asked), toEvent)[0] ?? null
    },
  }
}

const reportIn = ({ report }: { report: string | null }): unknown => report && reportOf(report)
