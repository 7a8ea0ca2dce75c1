// What is remembered of each schedule across restarts: whether it is paused, and since when its due instants count.
import type { Schedule } from '../domain/schedule.js'
import { guard, type Sqlite } from '../sys/sqlite.js'

export interface ScheduleState {
  paused: boolean
  /** Due instants before this are nobody's business: from before it was known, paused, or given up. */
  since: Date
}

export interface ScheduleStates {
  /** Its state; a schedule seen for the first time, or with other times than before, counts from `now`. */
  of(schedule: Schedule, now: Date): ScheduleState
  setSince(schedule: Schedule, since: Date): void
  setPaused(schedule: Schedule, paused: boolean, now: Date): void
}

interface Row {
  timing: string
  paused: number
  since: string
}

/** States in the table `schedule_states`. */
export function openScheduleStates(db: Sqlite): ScheduleStates {
  const find = db.prepare('select timing, paused, since from schedule_states where name = ?')
  const save = db.prepare(
    `insert into schedule_states (name, timing, paused, since) values (@name, @timing, @paused, @since)
     on conflict (name) do update set timing = @timing, paused = @paused, since = @since`,
  )
  const write = (schedule: Schedule, { paused, since }: ScheduleState): void => {
    const row = {
      name: schedule.name,
      timing: timingOf(schedule),
      paused: paused ? 1 : 0,
      since: since.toISOString(),
    }
    guard(db.name, () => save.run(row))
  }
  const of: ScheduleStates['of'] = (schedule, now) => {
    const row = guard(db.name, () => find.get(schedule.name) as Row | undefined)
    const paused = row?.paused === 1
    const since = row && row.timing === timingOf(schedule) ? new Date(row.since) : now
    // A clock that was ahead and came back must not silence a schedule until it gets there again.
    const state = { paused, since: since > now ? now : since }
    if (row?.timing !== timingOf(schedule) || state.since.toISOString() !== row.since) write(schedule, state)
    return state
  }
  return {
    of,
    setSince: (schedule, since) => write(schedule, { ...of(schedule, since), since }),
    setPaused: (schedule, paused, now) => {
      const state = of(schedule, now)
      write(schedule, { paused, since: state.paused ? now : state.since })
    },
  }
}

const timingOf = ({ job, cron, timeZone }: Schedule): string => `${job} ${cron} ${timeZone}`
