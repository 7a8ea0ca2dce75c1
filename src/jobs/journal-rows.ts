// The journal's rows as the program's own types, both ways. Everything that goes in loses its secrets here.

import type { ErrorFacts } from '../domain/error-facts.js'
import { causes, Failure } from '../domain/errors.js'
import type { NewEvent, StoredEvent } from '../domain/events.js'
import type { RunId } from '../domain/ids.js'
import { redact } from '../domain/redact.js'
import type { Outcome, Trigger } from '../domain/run-events.js'
import type { SubjectId } from '../domain/subject.js'
import type { ProcessIdentity } from '../sys/process-identity.js'

/** One execution of a job. */
export interface Run {
  id: RunId
  job: string
  subject: SubjectId | null
  trigger: Trigger
  /** When the schedule asked for it; null when no schedule did. */
  due: Date | null
  process: ProcessIdentity
  startedAt: Date
  finishedAt: Date | null
  outcome: Outcome
  error: ErrorFacts | null
  facts: Record<string, unknown>
}

export interface AuditLine {
  seq: number
  at: Date
  who: string
  action: string
  target: string
  /** Of the request: `allowed` is what was accepted, however the run that it started ended later. */
  outcome: 'allowed' | 'refused' | 'failed'
  /** The run that it started; null when it started none. */
  run: RunId | null
  /** How that run ended, or `running`; no part of the chain, for the line was written before. */
  ended: Outcome | null
  detail: string | null
  /** From where: an address, or null for this machine's command line. */
  origin: string | null
  /** Of this line and the one before it; null for lines of before there was a chain. */
  hash: string | null
}

/** A line about to be written. */
export type NewAuditLine = Omit<AuditLine, 'seq' | 'at' | 'run' | 'ended' | 'origin' | 'hash'> & {
  run?: RunId | null
  origin?: string | null
}

export interface RunRow {
  id: string
  job: string
  subject: string | null
  trigger: string
  due: string | null
  host: string
  pid: number
  process_start: string
  started_at: string
  finished_at: string | null
  outcome: string
  error: string | null
  facts: string
}

export interface EventRow {
  seq: number
  at: string
  run: string | null
  subject: string | null
  type: string
  facts: string
}

export type AuditRow = Omit<AuditLine, 'at' | 'ended'> & { at: string }

const dateOrNull = (text: string | null): Date | null => (text === null ? null : new Date(text))

export function toRun(row: RunRow): Run {
  return {
    id: row.id as RunId,
    job: row.job,
    subject: row.subject as SubjectId | null,
    trigger: row.trigger as Trigger,
    due: dateOrNull(row.due),
    process: { host: row.host, pid: row.pid, start: row.process_start },
    startedAt: new Date(row.started_at),
    finishedAt: dateOrNull(row.finished_at),
    outcome: row.outcome as Outcome,
    error: row.error === null ? null : JSON.parse(row.error),
    facts: JSON.parse(row.facts),
  }
}

export function fromRun(run: Run): RunRow {
  return {
    id: run.id,
    job: run.job,
    subject: run.subject,
    trigger: run.trigger,
    due: run.due?.toISOString() ?? null,
    host: run.process.host,
    pid: run.process.pid,
    process_start: run.process.start,
    started_at: run.startedAt.toISOString(),
    finished_at: run.finishedAt?.toISOString() ?? null,
    outcome: run.outcome,
    error: run.error && JSON.stringify(redact(run.error)),
    facts: JSON.stringify(redact(run.facts)),
  }
}

export function toEvent(row: EventRow): StoredEvent {
  return { ...row, facts: JSON.parse(row.facts) } as StoredEvent
}

export function fromEvent(event: NewEvent, at: Date): Omit<EventRow, 'seq'> {
  return {
    at: at.toISOString(),
    run: event.run,
    subject: event.subject,
    type: event.type,
    facts: JSON.stringify(redact(event.facts)),
  }
}

/** A failure as rows and logs may hold it. */
export function errorFacts(failure: Failure): ErrorFacts {
  return redact({ code: failure.code, message: failure.message, hint: failure.hint, causes: causes(failure) })
}

/** The failure again, with its causes as text. */
export function failureOf(
  { code, message, hint, causes: lines }: ErrorFacts,
  run: RunId | null = null,
): Failure {
  const chain = lines
    .slice(1)
    .reduceRight<Error | undefined>(
      (cause, line) => new Error(line, cause ? { cause } : undefined),
      undefined,
    )
  return new Failure(code, message, { hint, ...(chain ? { cause: chain } : {}), facts: run ? { run } : {} })
}
