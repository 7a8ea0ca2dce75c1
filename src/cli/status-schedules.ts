// The schedules' section of the status page: every job that runs by itself (dumps, drills, snapshots, archives, …).
import { formatDuration } from '../domain/quantity.js'
import type { JudgedSchedule } from '../jobs/status-schedules.js'
import { instantText } from './output.js'
import type { StatusSection } from './status-section.js'
import { table } from './table.js'

export function schedulesSection(judged: readonly JudgedSchedule[], columns: number | null): StatusSection {
  const outside = judged.filter(one => one.trouble !== null)
  const rows = judged
    .toSorted((a, b) => Number(b.trouble !== null) - Number(a.trouble !== null))
    .map(({ schedule, paused, lastRun, lastSuccess, next, trouble }) => [
      trouble === null ? 'ok' : 'BAD',
      schedule.name,
      ...(outside.length > 0 ? [trouble ?? ''] : []),
      schedule.job,
      lastSuccess?.finishedAt ? instantText(lastSuccess.finishedAt.toISOString()) : 'never',
      lastRun?.outcome ?? '',
      paused ? 'paused' : next ? instantText(next.toISOString()) : '',
      formatDuration(schedule.freshnessWindowMs),
    ])
  const what = outside.length > 0 ? ['what'] : []
  const headings = ['', 'schedule', ...what, 'job', 'last success', 'last run', 'next', 'window']
  return {
    title: `${outside.length} of ${judged.length} schedules outside their window`,
    lines:
      judged.length === 0
        ? ['nothing is scheduled: nothing runs by itself; see schedules_directory in the configuration']
        : [table(headings, rows, { columns, spare: ['job', 'window', 'last run', 'next'] })],
  }
}
