// Executes a job once: lock, journal, body with a signal, close, one log line. Whatever happens inside, the run is closed.
import { asFailure, Failure } from '../domain/errors.js'
import type { NewEvent } from '../domain/events.js'
import type { RunId } from '../domain/ids.js'
import { isLive, type LiveEvent } from '../domain/live-events.js'
import type { Trigger } from '../domain/run-events.js'
import type { SubjectId } from '../domain/subject.js'
import { type Clock, deadline } from '../sys/clock.js'
import type { Logger } from '../sys/log.js'
import { assertCancelled, type Cancellations, type Canceller, createCancellations } from './cancellation.js'
import { type JobLocks, lockName } from './job-locks.js'
import type { Journal } from './journal.js'
import type { Run } from './journal-rows.js'

export interface JobRequest {
  name: string
  subject?: SubjectId
  trigger: Trigger
  /** The instant a schedule asked for; it is the run's key against doing it twice. */
  due?: Date
  /** Interrupted with deadline-passed after this long. */
  deadlineMs?: number
  /** Of the run that this one is a part of: what ends that ends this. */
  within?: AbortSignal
  /** What must not run twice at once. Default: the job's name, with its subject when it has one. */
  lock?: string
}

type OmitAbout<E> = E extends unknown ? Omit<E, 'run' | 'subject'> & { subject?: SubjectId | null } : never

export interface RunContext {
  run: RunId
  /** Fires when the daemon must stop now, and when the deadline has passed; its reason is a Failure. */
  signal: AbortSignal
  log: Logger
  /**
   * Says that what begins now is brought to its end: from here on the run cannot be cancelled.
   * @param what for whoever still tries. @throws Failure the signal's reason, when it has fired: nothing may begin then.
   */
  finish(what: string): void
  /** Keeps an event of this run (a live one is only told); without a subject it is about the run's own. */
  emit(event: OmitAbout<NewEvent> | OmitAbout<LiveEvent>): void
}

export interface JobEnd {
  outcome: 'succeeded' | 'partial'
  facts?: Record<string, unknown>
  /** What it has to say to whoever asked for it from another process: see Journal.finishRun. */
  report?: unknown
}

export interface RunResult {
  run: Run
  /** Why it failed or was interrupted; null when it did not. */
  failure: Failure | null
}

export interface Runner {
  /**
   * Runs the body and closes the run; what the body throws is in the result.
   * @throws Failure subject-busy, before anything is done, while the same lock is held here or by another process;
   * interrupted when the shutdown has begun; disk-full and the like when the journal cannot be written.
   */
  run(job: JobRequest, body: (context: RunContext) => Promise<JobEnd>): Promise<RunResult>
  /** True while a living process holds the job's lock. */
  busy(job: Pick<JobRequest, 'name' | 'subject' | 'lock'>): boolean
  /**
   * Tells a run to end, and whoever asks that it was told. Asked again, it is the same run that ends.
   * @returns the run as it is now, and what resolves to how it ended.
   * @throws Failure run-unknown; cancel-too-late when it is over otherwise, or finishes what it began; run-elsewhere.
   */
  cancel(run: RunId, by: Canceller): { run: Run; ended: Promise<Run> }
  /** How many runs this process is in. */
  active(): number
  /** Resolves when this process is in no run. */
  idle(): Promise<void>
}

export interface RunnerParts {
  journal: Journal
  locks: JobLocks
  clock: Clock
  log: Logger
  /** Fires when running work must end now. */
  shutdown: AbortSignal
}

export function createRunner(parts: RunnerParts): Runner {
  const active = new Set<Promise<unknown>>()
  const owed: Owed = new Map()
  const cancellations = createCancellations()
  return {
    run: (job, body) => {
      const running = execute({ ...parts, cancellations }, owed, job, body)
      const settled: Promise<unknown> = running.then(
        () => active.delete(settled),
        () => active.delete(settled),
      )
      active.add(settled)
      return running
    },
    cancel: (run, by) => cancel(parts.journal, cancellations, run, by),
    busy: job => parts.locks.held(lockName(job)),
    active: () => active.size,
    idle: async () => {
      while (active.size > 0) await Promise.all(active)
    },
  }
}

/** Ends of runs that a full disk kept from the journal. */
type Owed = Map<RunId, End>

async function execute(
  { journal, locks, clock, log, shutdown, cancellations }: RunnerParts & { cancellations: Cancellations },
  owed: Owed,
  job: JobRequest,
  body: (context: RunContext) => Promise<JobEnd>,
): Promise<RunResult> {
  if (shutdown.aborted) throw interruption(shutdown)
  const lock = locks.acquire(lockName(job))
  try {
    for (const [id, end] of owed) finish(journal, owed, id, end)
    const { name, subject = null, trigger, due = null } = job
    const { id } = journal.startRun({ job: name, subject, trigger, due })
    const runLog = log.child({ run: id, job: name, ...(subject ? { subject } : {}) })
    const started = clock.ticks()
    const cancellable = cancellations.open(id)
    try {
      const end = await conclude(job, AbortSignal.any([shutdown, cancellable.signal]), signal =>
        body({
          ...{ run: id, signal, log: runLog, finish: what => cancellable.finish(what, signal) },
          emit: event => emit(journal, id, subject, event),
        }),
      )
      const run = finish(journal, owed, id, end)
      logEnd(runLog, run, end.failure ?? null, clock.ticks() - started)
      return { run, failure: end.failure ?? null }
    } finally {
      cancellable.close()
    }
  } finally {
    lock.release()
  }
}

function cancel(
  journal: Journal,
  cancellations: Cancellations,
  id: RunId,
  by: Canceller,
): ReturnType<Runner['cancel']> {
  const run = journal.run(id)
  if (!run) throw new Failure('run-unknown', `there is no run ${id}`)
  const { outcome, process } = run
  if (outcome !== 'running') {
    assertCancelled(run)
    return { run, ended: Promise.resolve(run) }
  }
  if (!cancellations.knows(id))
    throw new Failure('run-elsewhere', `the run ${id} is of process ${process.pid} on ${process.host}`)
  const note = (): void =>
    void journal.event({ type: 'run-cancel-asked', run: id, subject: run.subject, facts: { ...by } })
  const ended = cancellations.cancel(id, by, note).then(() => journal.run(id) ?? run)
  return { run, ended }
}

type End = Parameters<Journal['finishRun']>[1]

/** Closes the run; what the journal has no room for is owed to it until the next run, else it would run for ever. */
function finish(journal: Journal, owed: Owed, id: RunId, end: End): Run {
  owed.delete(id)
  try {
    return journal.finishRun(id, end)
  } catch (thrown) {
    if (asFailure(thrown).code === 'disk-full') owed.set(id, end)
    throw thrown
  }
}

/** The body under its signal, and every way it can end as one shape. */
async function conclude(
  { deadlineMs, within }: JobRequest,
  stopped: AbortSignal,
  body: (signal: AbortSignal) => Promise<JobEnd>,
): Promise<End> {
  const limit = deadlineMs === undefined ? null : deadline(deadlineMs, overdue(deadlineMs))
  const signal = AbortSignal.any([stopped, ...(limit ? [limit.signal] : []), ...(within ? [within] : [])])
  try {
    return await body(signal)
  } catch (thrown) {
    const failure = signal.aborted ? withReason(signal, thrown) : asFailure(thrown)
    const { code } = failure
    return { outcome: code === 'interrupted' || code === 'cancelled' ? code : 'failed', failure }
  } finally {
    limit?.clear()
  }
}

function emit(
  journal: Journal,
  run: RunId,
  own: SubjectId | null,
  event: Parameters<RunContext['emit']>[0],
): void {
  const subject = event.subject === undefined ? own : event.subject
  const full = { ...event, run, subject } as NewEvent | LiveEvent
  if (isLive(full)) journal.announce(full)
  else journal.event(full)
}

const overdue = (ms: number): Failure =>
  new Failure('deadline-passed', `not finished within ${Math.round(ms / 1000)} seconds`)

/** Once the signal has fired, what the body threw is a consequence: the reason comes first, the rest is its cause. */
function withReason(signal: AbortSignal, thrown: unknown): Failure {
  const reason = interruption(signal)
  const same = thrown === signal.reason || (thrown instanceof Error && thrown.name === 'AbortError')
  return same ? reason : new Failure(reason.code, reason.message, { cause: thrown, hint: reason.hint })
}

function interruption(signal: AbortSignal): Failure {
  return signal.reason instanceof Failure
    ? signal.reason
    : new Failure('interrupted', 'interrupted before the end', { cause: signal.reason })
}

function logEnd(log: Logger, run: Run, failure: Failure | null, durationMs: number): void {
  const facts = {
    outcome: run.outcome,
    trigger: run.trigger,
    durationMs: Math.round(durationMs),
    ...run.facts,
  }
  if (failure) log.error({ ...facts, error: run.error }, `${run.job} ${run.outcome}: ${run.error?.message}`)
  else if (run.outcome === 'partial') log.warn(facts, `${run.job} partial`)
  else log.info(facts, `${run.job} ${run.outcome}`)
}
