// When a job runs, why it exists, and how old its last success may become before someone must know.
import { z } from 'zod'
import { duration } from './quantity.js'
import { knownZone } from './zone.js'

export const JOB_NAMES = ['backup-all'] as const
export type JobName = (typeof JOB_NAMES)[number]

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** One file of the schedules directory. */
export const scheduleSchema = z.strictObject({
  job: z.enum(JOB_NAMES),
  cron: z.string(),
  time_zone: z.string().refine(knownZone, 'must be a time zone that this machine knows, like Europe/Paris'),
  why: z.string().trim().min(1),
  freshness_window: duration({ minMs: HOUR_MS, maxMs: 400 * DAY_MS }),
  catch_up: z.boolean(),
  deadline: duration({ minMs: 60_000, maxMs: 7 * DAY_MS }),
})

export interface Schedule {
  /** The file's name without its ending; unique. */
  name: string
  job: JobName
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
  return {
    name,
    job: raw.job,
    cron: raw.cron,
    timeZone: raw.time_zone,
    why: raw.why,
    freshnessWindowMs: raw.freshness_window,
    catchUp: raw.catch_up,
    deadlineMs: raw.deadline,
  }
}
