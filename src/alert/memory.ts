// What the rules remember of the events, and what is kept of it across restarts.
import type { RunId } from '../domain/ids.js'
import type { Trigger } from '../domain/run-events.js'
import type { Trouble } from './rules/signs.js'

export interface Size {
  rows: number
  bytes: number
}

export type Night = 'ok' | 'failed'

/** What is known of one subject. Instants are ISO 8601. */
export interface SubjectMemory {
  firstSeenAt: string
  lastBackupAt: string | null
  lastProofAt: string | null
  /** Of its latest backups, newest last. */
  sizes: Size[]
  /** UTC date → how its backups of that day ended; the last one counts. */
  nights: Record<string, Night>
  /** The night that last tried it; null before the first. */
  triedBy: RunId | null
  /** The last whole night did not find it on the server. */
  gone: boolean
}

export interface Memory {
  subjects: Record<string, SubjectMemory>
  /** Runs that go on, and how many troubles they have told of. */
  runs: Record<string, { job: string; trigger: Trigger; startedAt: string; troubles: number }>
  daemon: { running: boolean; interrupted: string[] }
  /** What lasts, by rule and scope. */
  troubles: Record<string, Trouble>
  /** UTC date → bytes stored anew, and restores that ended well. */
  days: Record<string, { newBytes: number; restores: number; proofs: number; failedProofs: number }>
  /** UTC date → the least free space that was seen on it, in bytes. */
  disk: Record<string, number>
  /** Schedule → since when the alerts know of it. */
  schedules: Record<string, string>
}

export const EMPTY_MEMORY: Memory = {
  subjects: {},
  runs: {},
  daemon: { running: false, interrupted: [] },
  troubles: {},
  days: {},
  disk: {},
  schedules: {},
}
