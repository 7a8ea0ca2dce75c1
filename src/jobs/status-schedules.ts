// Is each schedule's job inside its window? Pure.
import { ageText } from '../domain/quantity.js'
import type { ScheduleStatus } from './scheduler.js'

export interface JudgedSchedule extends ScheduleStatus {
  /** Why it is outside its window; null: it is inside. */
  trouble: string | null
}

export const judgeSchedules = (statuses: readonly ScheduleStatus[], now: Date): JudgedSchedule[] =>
  statuses.map(status => ({ ...status, trouble: troubleOf(status, now) }))

/** One that never ran is as old as its installation, which is nobody's fault; one that only ever failed is outside. */
function troubleOf({ schedule, paused, lastRun, lastSuccess }: ScheduleStatus, now: Date): string | null {
  const held = paused ? ', and it is paused' : ''
  if (!lastSuccess) return lastRun && lastRun.outcome !== 'running' ? `never succeeded${held}` : null
  const ageMs = now.getTime() - (lastSuccess.finishedAt ?? lastSuccess.startedAt).getTime()
  return ageMs > schedule.freshnessWindowMs ? `last success ${ageText(ageMs / 1000)} ago${held}` : null
}
