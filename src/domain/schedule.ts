// When a job runs, why it exists, and how old its last success may become before someone must know.

export const JOB_NAMES = ['backup-all'] as const
export type JobName = (typeof JOB_NAMES)[number]

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
