// The layers' section of the status page: every job that is scheduled (dumps, drills, snapshots, archives, …) and its last success.
import { formatDuration } from '../domain/quantity.js'
import type { ScheduleStatus } from '../jobs/scheduler.js'
import { instantText } from './output.js'
import type { StatusSection } from './status-section.js'
import { ageText } from './status-tenants.js'
import { table } from './table.js'

export function schedulesSection(
  statuses: readonly ScheduleStatus[],
  now: Date,
  columns: number | null,
): StatusSection {
  const judged = statuses.map(status => ({ ...status, trouble: troubleOf(status, now) }))
  const outside = judged.filter(one => one.trouble !== '')
  const rows = judged
    .toSorted((a, b) => Number(b.trouble !== '') - Number(a.trouble !== ''))
    .map(({ schedule, lastRun, lastSuccess, next, trouble }) => [
      trouble === '' ? 'ok' : 'BAD',
      schedule.name,
      schedule.job,
      lastSuccess?.finishedAt ? instantText(lastSuccess.finishedAt.toISOString()) : 'never',
      lastRun?.outcome ?? '',
      next ? instantText(next.toISOString()) : '',
      formatDuration(schedule.freshnessWindowMs),
      trouble,
    ])
  const headings = ['', 'schedule', 'job', 'last success', 'last run', 'next', 'window', '']
  return {
    title: `${outside.length} of ${statuses.length} schedules outside their window`,
    lines:
      statuses.length === 0
        ? ['nothing is scheduled: nothing runs by itself; see schedules_directory in the configuration']
        : [table(headings, rows, { columns })],
    outside: outside.length > 0,
    json: judged.map(({ schedule, lastRun, lastSuccess, next, paused, trouble }) => ({
      schedule: schedule.name,
      job: schedule.job,
      lastSuccess: lastSuccess?.finishedAt ?? null,
      lastOutcome: lastRun?.outcome ?? null,
      next,
      paused,
      trouble: trouble || null,
    })),
  }
}

/** One that never ran is as old as its installation, which is nobody's fault; one that only ever failed is outside. */
function troubleOf({ schedule, paused, lastRun, lastSuccess }: ScheduleStatus, now: Date): string {
  const held = paused ? ', and it is paused' : ''
  if (!lastSuccess) return lastRun && lastRun.outcome !== 'running' ? `never succeeded${held}` : ''
  const ageMs = now.getTime() - (lastSuccess.finishedAt ?? lastSuccess.startedAt).getTime()
  return ageMs > schedule.freshnessWindowMs ? `last success ${ageText(ageMs / 1000)} ago${held}` : ''
}
