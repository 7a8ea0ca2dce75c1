// What the daemon sees around itself: schedules, the disk, who else holds the keys. Asked now and then by whoever watches.
import { statfs } from 'node:fs/promises'
import type { Schedule } from '../domain/schedule.js'
import type { Parts } from './parts.js'
import type { ScheduleStatus } from './scheduler.js'

export interface Surroundings {
  schedules: { schedule: Schedule; lastSuccessAt: Date | null }[]
  /** How old a proof may become; null while no schedule makes any. */
  proofWindowMs: number | null
  /** Free space where the journal is. */
  disk: { path: string; freeBytes: number } | null
  /** What only this machine can open. */
  keysOnlyHere: string[]
}

/** A drill that is due each week has a night, and a night more, to be made. */
const PROOF_SLACK_MS = 36 * 3_600_000

export async function lookAround(parts: Parts, statuses: readonly ScheduleStatus[]): Promise<Surroundings> {
  const { config, repository } = parts
  return {
    schedules: statuses.map(({ schedule, lastSuccess }) => ({
      schedule,
      lastSuccessAt: lastSuccess?.finishedAt ?? null,
    })),
    proofWindowMs: proofWindowMs(statuses.map(one => one.schedule)),
    disk: await freeSpace(config.stateDirectory),
    // The first recipient is this machine's own: when it is the only one, a recovery recipient is the same key.
    keysOnlyHere: repository.keyring.recipients.length > 1 ? [] : [config.keys.operationalIdentityFile],
  }
}

/** How old a proof may become before it is told; null when no schedule makes any. */
export function proofWindowMs(schedules: readonly Schedule[]): number | null {
  const windows = schedules.flatMap(one => (one.job === 'drill' ? [one.everyMs + PROOF_SLACK_MS] : []))
  return windows.length === 0 ? null : Math.min(...windows)
}

/** Null where the folder cannot be asked: what that means is told by what fails of it. */
async function freeSpace(path: string): Promise<Surroundings['disk']> {
  const space = await statfs(path).catch(() => null)
  return space && { path, freeBytes: space.bavail * space.bsize }
}
