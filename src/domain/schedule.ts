// When a job runs, why it exists, and how old its last success may become before someone must know.
import { z } from 'zod'
import { duration } from './quantity.js'
import { knownZone } from './zone.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** What every schedule says, whatever its job. */
const timing = {
  cron: z.string(),
  time_zone: z.string().refine(knownZone, 'must be a time zone that this machine knows, like Europe/Paris'),
  why: z.string().trim().min(1),
  freshness_window: duration({ minMs: HOUR_MS, maxMs: 400 * DAY_MS }),
  catch_up: z.boolean(),
  deadline: duration({ minMs: 60_000, maxMs: 7 * DAY_MS }),
}

const backupAll = z.strictObject({ job: z.literal('backup-all'), ...timing })

const archiveTenants = z.strictObject({ job: z.literal('archive-tenants'), ...timing })

/** One file of the schedules directory: a job, when it runs, and the settings that are the job's own. */
export const scheduleSchema = z.discriminatedUnion('job', [backupAll, archiveTenants])

/** The job of a schedule, with its settings. */
export type ScheduledJob = { job: 'backup-all' } | { job: 'archive-tenants' }
export type JobName = ScheduledJob['job']

export type Schedule = Timing & ScheduledJob

export interface Timing {
  /** The file's name without its ending; unique. */
  name: string
  /** Five fields: minute, hour, day of month, month, day of week. */
  cron: string
  timeZone: string
  why: string
  /** The last success must never be older than this. */
  freshnessWindowMs: number
  /** A run that was missed while the daemon was down is made up for at its start. */
  catchUp: boolean
  /** A run that takes longer is interrupted. */
  deadlineMs: number
}

export function toSchedule(name: string, raw: z.output<typeof scheduleSchema>): Schedule {
  const timing: Timing = {
    name,
    cron: raw.cron,
    timeZone: raw.time_zone,
    why: raw.why,
    freshnessWindowMs: raw.freshness_window,
    catchUp: raw.catch_up,
    deadlineMs: raw.deadline,
  }
  switch (raw.job) {
    case 'backup-all':
    case 'archive-tenants':
      return { ...timing, job: raw.job }
    default:
      return raw.job satisfies never
  }
}
