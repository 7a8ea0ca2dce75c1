// When a job runs, why it exists, and how old its last success may become before someone must know.
import { z } from 'zod'
import { duration, size, whole } from './quantity-schema.js'
import { isReadWords, type ReadMode, readModeOf } from './read-mode.js'
import { type RetentionPolicy, retentionSettings, toPolicy } from './retention-policy.js'
import { type SnapshotSettings, snapshotSettings, toSnapshotSettings } from './snapshot-settings.js'
import { knownZone } from './zone.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MIB = 1024 ** 2
const GIB = 1024 ** 3

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
const sweep = z.strictObject({ job: z.literal('sweep'), ...timing, ...retentionSettings })

const snapshots = z.strictObject({ job: z.literal('snapshot-servers'), ...timing, ...snapshotSettings })
const sweepKept = z.strictObject({ job: z.literal('sweep-kept'), ...timing })
const archiveTenants = z.strictObject({ job: z.literal('archive-tenants'), ...timing })

/** `none`, `all`, `rotate`, or a percentage like `5%`. */
export const readWords = z
  .string()
  .refine(isReadWords, 'must be none, all, rotate or a percentage like 5%, from 1% to 100%')

const check = z.strictObject({
  job: z.literal('check'),
  ...timing,
  read: readWords.default('rotate'),
  nights: whole(1, 366).default(30),
  read_budget: size({ minBytes: 1024 ** 2, maxBytes: 1024 ** 5 }).prefault('20GiB'),
})

const drill = z.strictObject({
  job: z.literal('drill'),
  ...timing,
  budget: duration({ minMs: 60_000, maxMs: DAY_MS }).prefault('2h'),
  disk: size({ minBytes: 64 * MIB, maxBytes: 100_000 * GIB }).prefault('20GiB'),
  concurrency: whole(1, 8).default(1),
  every: duration({ minMs: DAY_MS, maxMs: 90 * DAY_MS }).prefault('7d'),
})

const digest = z.strictObject({ job: z.literal('digest'), ...timing })

/** One file of the schedules directory: a job, when it runs, and the settings that are the job's own. */
export const scheduleSchema = z.discriminatedUnion('job', [
  backupAll,
  archiveTenants,
  check,
  sweep,
  drill,
  sweepKept,
  snapshots,
  digest,
])

/** The job of a schedule, with its settings. */
export type ScheduledJob =
  | { job: 'backup-all' }
  | {
      job: 'check'
      read: ReadMode
      /** Bytes fetched at most in one run for reading chunks back. */
      readBudgetBytes: number
    }
  | { job: 'archive-tenants' | 'sweep-kept' | 'digest' }
  | { job: 'sweep'; policy: RetentionPolicy }
  | ({ job: 'drill' } & DrillSettings)
  | ({ job: 'snapshot-servers' } & SnapshotSettings)
export type JobName = ScheduledJob['job']

export type Schedule = Timing & ScheduledJob

/** The bounds of one night of test restores. */
export interface DrillSettings {
  /** No drill is begun that would end later than this after the night's start; the first one always is. */
  budgetMs: number
  /** What all scratch databases together may take. */
  diskBytes: number
  /** Test restores at once. */
  concurrency: number
  /** Every tenant is to be proven at least this often. */
  everyMs: number
}

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
    case 'digest':
    case 'sweep-kept':
    case 'archive-tenants':
      return { ...timing, job: raw.job }
    case 'check':
      return {
        ...timing,
        job: raw.job,
        read: readModeOf(raw.read, raw.nights),
        readBudgetBytes: raw.read_budget,
      }
    case 'sweep':
      return { ...timing, job: raw.job, policy: toPolicy(raw) }
    case 'drill': {
      const { job, budget, disk, concurrency, every } = raw
      return { ...timing, job, budgetMs: budget, diskBytes: disk, concurrency, everyMs: every }
    }
    case 'snapshot-servers':
      return { ...timing, job: raw.job, ...toSnapshotSettings(raw) }
    default:
      return raw satisfies never
  }
}
