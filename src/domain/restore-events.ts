// What the journal keeps of restores, swaps and playbooks; part of the one vocabulary in events.ts.
import type { ErrorFacts } from './error-facts.js'
import type { ErrorCode } from './errors.js'
import type { BackupId, RunId } from './ids.js'

const SWAP_STEPS = ['pause', 'close', 'rename', 'resume'] as const
export type SwapStep = (typeof SWAP_STEPS)[number]

/** The names in a swap. */
export interface SwapFacts {
  /** The tenant's own name. */
  live: string
  /** What takes it. */
  incoming: string
  /** What the database that had it is called from then on; null when there was none. */
  kept: string | null
}

/** Type of event → its facts. */
export interface RestoreEventFacts {
  'restore-started': { backup: BackupId; target: string }
  /** It was to be started, and takes a second person's word first. */
  'restore-waiting': { plan: string; who: string; reason: string }
  'restore-finished': { backup: BackupId; target: string; durationMs: number }
  'restore-failed': { backup: BackupId | null; target: string; error: ErrorFacts }
  /** Newer than the backup that a restore took, and broken. */
  'backup-passed-over': { backup: BackupId; instant: string; code: ErrorCode; message: string }
  /** Said before each step of a swap: after a crash it tells what has to be put right. */
  'swap-step': SwapFacts & { step: SwapStep }
  'swap-finished': SwapFacts & {
    /** From closing the database to the first connection it took again, as a prober saw it; null when it was gone before. */
    downtimeMs: number | null
    refusals: number
    /** How long PgBouncer held its clients; null when none is configured, or it could not be paused. */
    pausedMs: number | null
    endedConnections: number
  }
  /** A swap that was cut short was put right: which of the two databases has the name. */
  'swap-repaired': SwapFacts & { outcome: 'swapped' | 'as-before' }
  'kept-dropped': { database: string; reason: string }
  /** A playbook says what it was told to say, or waits for a person. */
  'playbook-notice': { message: string }
  'playbook-waiting': { playbook: string; id: RunId; question: string }
}
