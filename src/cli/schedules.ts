// `schedules`: when each job runs next, when it last did, and holding one back for a while.
import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { formatDuration } from '../domain/quantity.js'
import type { ScheduleStatus } from '../jobs/scheduler.js'
import { act, type Doors } from './desk.js'
import { instantText, show } from './output.js'
import { table } from './table.js'

export function schedulesCommand(program: Command, doors: Doors): void {
  const schedules = program
    .command('schedules')
    .description('list the schedules: what runs when, and how it went last')
    .action((_options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const statuses = desk.scheduler.status()
        show(terminal, statuses, () => schedulesText(statuses, terminal.columns))
        return undefined
      }),
    )
  holdCommand(schedules, doors, 'pause', 'start no more runs of a schedule until it is resumed')
  holdCommand(
    schedules,
    doors,
    'resume',
    'start runs of a schedule again; what came due meanwhile is not made up for',
  )
}

function holdCommand(schedules: Command, doors: Doors, verb: 'pause' | 'resume', description: string): void {
  schedules
    .command(verb)
    .argument('<name>', 'as `gmah-backup schedules` shows it')
    .description(description)
    .action((name: string, _options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        desk.scheduler[verb](name, userInfo().username)
        const statuses = desk.scheduler.status()
        show(terminal, statuses, () => schedulesText(statuses, terminal.columns))
        return undefined
      }),
    )
}

function schedulesText(statuses: ScheduleStatus[], columns: number | null): string {
  if (statuses.length === 0)
    return 'no schedules: nothing runs by itself; see schedules_directory in the configuration'
  const rows = statuses.map(({ schedule, paused, next, lastRun, lastSuccess }) => [
    schedule.name,
    schedule.job,
    `${schedule.cron} ${schedule.timeZone}`,
    paused ? 'paused' : next ? instantText(next.toISOString()) : 'never',
    lastRun ? `${instantText(lastRun.startedAt.toISOString())} ${lastRun.outcome}` : 'never',
    lastSuccess?.finishedAt ? instantText(lastSuccess.finishedAt.toISOString()) : 'never',
    formatDuration(schedule.freshnessWindowMs),
  ])
  return table(['schedule', 'job', 'when', 'next', 'last run', 'last success', 'window'], rows, {
    spare: ['window', 'last success', 'job', 'when'],
    columns,
  })
}
