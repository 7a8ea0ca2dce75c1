// Starts jobs when they are due. It asks the clock anew at each tick and the journal what was done, so no jump and no
// restart does a due instant twice or loses it: a run's key is its due instant, and only the latest one is ever made up for.
import { asFailure, Failure } from '../domain/errors.js'
import type { Schedule } from '../domain/schedule.js'
import type { Clock } from '../sys/clock.js'
import type { Logger } from '../sys/log.js'
import { type Cron, lastDue, nextDue, parseCron } from './cron.js'
import type { Journal } from './journal.js'
import type { Run } from './journal-rows.js'
import type { ScheduleStates } from './schedule-states.js'

export interface Launch {
  trigger: 'schedule' | 'catch-up'
  due: Date
}

export interface SchedulerParts {
  journal: Journal
  states: ScheduleStates
  clock: Clock
  log: Logger
  /** True while the job runs, here or in another process. */
  busy(job: Schedule['job']): boolean
  /** Runs the schedule's job under the key `due`, to its end. */
  launch(schedule: Schedule, launch: Launch): Promise<unknown>
}

export interface ScheduleStatus {
  schedule: Schedule
  paused: boolean
  /** Null while it is paused. */
  next: Date | null
  /** The last run of its job as a whole, whoever asked for it. */
  lastRun: Run | null
  lastSuccess: Run | null
}

export interface Scheduler {
  /** Looks at once, which makes up for what was missed, then every 15 seconds. */
  start(): void
  /** No new runs from here on; running ones go on. */
  stop(): void
  /** Other schedules from here on; running ones go on. */
  reload(schedules: readonly Schedule[]): void
  /** Kept across restarts. @throws Failure schedule-unknown. */
  pause(name: string, who: string): void
  /** What came due meanwhile is not made up for. @throws Failure schedule-unknown. */
  resume(name: string, who: string): void
  status(): ScheduleStatus[]
}

const TICK_MS = 15_000
/** Later than this is missed, not due. */
const PUNCTUAL_MS = 5 * 60_000
/** A night that ends in a crash three times is not tried a fourth. */
const MAX_ATTEMPTS = 3
/** A run that began this far ahead of now was made under a wrong clock and counts for nothing; a clock put back an hour is not that. */
const WRONG_CLOCK_MS = 3 * 3_600_000

interface Entry {
  schedule: Schedule
  cron: Cron
}

export function createScheduler(parts: SchedulerParts, schedules: readonly Schedule[]): Scheduler {
  const { journal, states, clock, log } = parts
  const launched = new Set<string>()
  let entries = read(schedules)
  let stopTicks: (() => void) | null = null

  const look = (entry: Entry): void => {
    const found = decide(parts, entry, clock.now())
    if (!found || launched.has(entry.schedule.job) || parts.busy(entry.schedule.job)) return
    launched.add(entry.schedule.job)
    parts
      .launch(entry.schedule, found)
      .catch(error => log.error({ error: asFailure(error) }, `could not run ${entry.schedule.name}`))
      .finally(() => launched.delete(entry.schedule.job))
  }
  const tick = (): void => {
    for (const entry of entries) {
      try {
        look(entry)
      } catch (error) {
        // The top of the stack: the next tick tries again, and readiness tells of the journal's trouble.
        log.error({ error: asFailure(error) }, `could not look at ${entry.schedule.name}`)
      }
    }
  }
  const named = (name: string): Schedule => {
    const found = entries.find(one => one.schedule.name === name)
    if (!found) throw new Failure('schedule-unknown', `there is no schedule ${name}`)
    return found.schedule
  }
  return {
    start: () => {
      stopTicks ??= clock.every(TICK_MS, tick)
      tick()
    },
    stop: () => {
      stopTicks?.()
      stopTicks = null
    },
    reload: next => {
      entries = read(next)
    },
    pause: (name, who) => {
      states.setPaused(named(name), true, clock.now())
      journal.event({ type: 'schedule-paused', run: null, subject: null, facts: { schedule: name, who } })
    },
    resume: (name, who) => {
      states.setPaused(named(name), false, clock.now())
      journal.event({ type: 'schedule-resumed', run: null, subject: null, facts: { schedule: name, who } })
    },
    status: () => entries.map(entry => statusOf(parts, entry)),
  }
}

/** What a schedule asks for now; null when it asks for nothing. */
function decide({ journal, states }: SchedulerParts, { schedule, cron }: Entry, now: Date): Launch | null {
  const state = states.of(schedule, now)
  const due = lastDue(cron, schedule.timeZone, now)
  if (state.paused || !due || due < state.since) return null
  if (isDone(journal.runsDue(schedule.job, due), schedule, now)) return null
  if (now.getTime() - due.getTime() <= PUNCTUAL_MS) return { trigger: 'schedule', due }
  if (schedule.catchUp) return { trigger: 'catch-up', due }
  const facts = { job: schedule.job, schedule: schedule.name, due: due.toISOString() }
  journal.event({ type: 'run-missed', run: null, subject: null, facts })
  states.setSince(schedule, now)
  return null
}

function isDone(runs: readonly Run[], { catchUp }: Schedule, now: Date): boolean {
  const credible = runs.filter(run => run.startedAt.getTime() - now.getTime() < WRONG_CLOCK_MS)
  if (credible.some(run => run.outcome !== 'interrupted')) return true
  return credible.length >= (catchUp ? MAX_ATTEMPTS : 1)
}

function statusOf({ journal, states, clock }: SchedulerParts, { schedule, cron }: Entry): ScheduleStatus {
  const now = clock.now()
  const { paused } = states.of(schedule, now)
  return {
    schedule,
    paused,
    next: paused ? null : nextDue(cron, schedule.timeZone, now),
    lastRun: journal.lastRun(schedule.job),
    lastSuccess: journal.lastRun(schedule.job, 'succeeded'),
  }
}

const read = (schedules: readonly Schedule[]): Entry[] =>
  schedules.map(schedule => ({ schedule, cron: parseCron(schedule.cron) }))
