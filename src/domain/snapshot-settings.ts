// Which servers are snapshotted, how, and what is kept: the settings of a schedule whose job is `snapshot-servers`.
import { z } from 'zod'
import { duration, whole } from './quantity-schema.js'
import { type KeepRule, keepRule } from './retention-policy.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** One server, and what is done right before its snapshot, so that the disk is as settled as a running one gets. */
export interface ServerOrder {
  /** Its name at Hetzner, or its id. */
  server: string
  /** SQL CHECKPOINT on the configured PostgreSQL. */
  checkpoint: boolean
  /** A program with its arguments; null: none. */
  command: readonly string[] | null
  /** Off while its snapshot is made, and started again afterwards: the tenants on it are away for so long. */
  shutdown: boolean
}

export interface SnapshotSettings {
  servers: readonly ServerOrder[]
  keep: KeepRule
  /** So many of the newest are never removed. */
  minimum: number
  /** Snapshots that the account may have, of all its projects. */
  limit: number
  /** Put Hetzner's delete protection on what we make; we lift it when its time has come. */
  protect: boolean
  /** For one snapshot to be whole. */
  snapshotDeadlineMs: number
  /** For another action to let the server go. */
  lockWaitMs: number
}

const server = z.strictObject({
  server: z.string().min(1),
  checkpoint: z.boolean().default(false),
  command: z.array(z.string().min(1)).min(1).optional(),
  shutdown: z.boolean().default(false),
})

/** The keys beside those of every schedule. */
export const snapshotSettings = {
  servers: z.array(server).min(1),
  keep: keepRule.prefault({ weekly: 5 }),
  minimum: whole(1, 1_000).default(2),
  limit: whole(2, 10_000).default(30),
  protect: z.boolean().default(false),
  snapshot_deadline: duration({ minMs: 5 * MINUTE_MS, maxMs: 24 * HOUR_MS }).prefault('90m'),
  lock_wait: duration({ minMs: 0, maxMs: 6 * HOUR_MS }).prefault('15m'),
}

const settings = z.strictObject(snapshotSettings)

export function toSnapshotSettings(raw: z.output<typeof settings>): SnapshotSettings {
  return {
    servers: raw.servers.map(one => ({ ...one, command: one.command ?? null })),
    keep: raw.keep,
    minimum: raw.minimum,
    limit: raw.limit,
    protect: raw.protect,
    snapshotDeadlineMs: raw.snapshot_deadline,
    lockWaitMs: raw.lock_wait,
  }
}

/** The schedule of a snapshot that somebody asks for by hand, and what holds for one where no schedule names its server. */
export const MANUAL = 'manual'
export const MANUAL_LIMITS = {
  limit: 30,
  protect: false,
  snapshotDeadlineMs: 90 * MINUTE_MS,
  lockWaitMs: 15 * MINUTE_MS,
}
