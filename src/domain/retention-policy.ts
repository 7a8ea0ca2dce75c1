// What is kept, for how long, and what a sweep may do: the settings of a schedule whose job is `sweep`.
import { z } from 'zod'
import { BACKUP_KINDS, type BackupKind } from './manifest.js'
import { duration, whole } from './quantity-schema.js'

const DAY_MS = 86_400_000

export const PERIODS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const
export type Period = (typeof PERIODS)[number]

/** Each line keeps on its own; what no line keeps may go. */
export type KeepRule = { [P in Period]: number } & {
  /** The newest so many. */
  last: number
  /** Everything younger than this, in milliseconds; 0: nothing for its age. */
  withinMs: number
}

export interface RetentionPolicy {
  /** A kind without a rule is kept for ever. */
  keep: Partial<Record<BackupKind, KeepRule>>
  /** Tenant's name → rules that stand instead of those above. */
  tenants: Readonly<Record<string, Partial<Record<BackupKind, KeepRule>>>>
  /** So many of the newest sound copies of a subject are never removed. */
  minimum: number
  departed: {
    /** Nothing of a tenant is removed for so long after its database was found gone. */
    holdMs: number
    /** What is kept of it then. */
    keep: KeepRule
  }
  fuse: Fuse
  /** A chunk that no backup names is deleted when it was found so, and was written, at least this long ago. */
  graceMs: number
  /** Events of the journal that are older than this are forgotten, but for those that stay (src/retention/plan-journal.ts). */
  journalMs: number
}

/** A sweep that would remove more than this of one subject asks first. */
export interface Fuse {
  /** Percent of the subject's backups. */
  percent: number
  backups: number
}

const count = whole(0, 100_000).optional()
/** A rule as a file has it; one that keeps nothing is refused. */
export const keepRule = z
  .strictObject({
    last: count,
    hourly: count,
    daily: count,
    weekly: count,
    monthly: count,
    yearly: count,
    within: duration({ minMs: 3_600_000, maxMs: 36_600 * DAY_MS }).optional(),
  })
  .transform(
    ({ within = 0, last = 0, hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0 }): KeepRule => ({
      ...{ last, hourly, daily, weekly, monthly, yearly },
      withinMs: within,
    }),
  )
  .refine(
    keepsSomething,
    'keeps nothing: give at least one of last, hourly, daily, weekly, monthly, yearly, within',
  )

const rules = z.partialRecord(z.enum(BACKUP_KINDS), keepRule)

/** The keys that a schedule with `job: sweep` has beside those of every schedule. */
export const retentionSettings = {
  keep: rules.refine(
    keep => keep.scheduled !== undefined,
    'has no rule for scheduled backups: an empty policy is refused',
  ),
  tenants: z.record(z.string().min(1), rules).default({}),
  minimum: whole(1, 1_000),
  departed: z.strictObject({ hold: duration({ minMs: DAY_MS, maxMs: 36_600 * DAY_MS }), keep: keepRule }),
  fuse: z.strictObject({ percent: whole(1, 100), backups: whole(1, 100_000) }),
  grace: duration({ minMs: DAY_MS, maxMs: 400 * DAY_MS }),
  journal: duration({ minMs: 90 * DAY_MS, maxMs: 36_600 * DAY_MS }).prefault('400d'),
}

const settings = z.strictObject(retentionSettings)

export function toPolicy(raw: z.output<typeof settings>): RetentionPolicy {
  const { keep, tenants, minimum, departed, fuse, grace, journal } = raw
  return {
    keep,
    tenants,
    minimum,
    departed: { holdMs: departed.hold, keep: departed.keep },
    fuse,
    graceMs: grace,
    journalMs: journal,
  }
}

function keepsSomething({ withinMs, last, ...periods }: KeepRule): boolean {
  return withinMs > 0 || last > 0 || PERIODS.some(period => periods[period] > 0)
}

/** The rules of one tenant, by the name an operator calls it. */
export function rulesFor(policy: RetentionPolicy, name: string): RetentionPolicy['keep'] {
  const own = Object.hasOwn(policy.tenants, name) ? policy.tenants[name] : {}
  return { ...policy.keep, ...own }
}
