// What the journal keeps of proofs and of the drills that make them; part of the one vocabulary in events.ts.
import type { ErrorFacts } from './error-facts.js'
import type { BackupId } from './ids.js'

/** Type of event → its facts. */
export interface ProofEventFacts {
  'proof-passed': { backup: BackupId; tables: number; rows: number; durationMs: number }
  'proof-failed': { backup: BackupId; differences: string[] }
  'drill-planned': { subjects: number; expectedSeconds: number; leftOut: number }
  /** Not drilled tonight. `overdue`: its proof is by now older than it may become. Free bytes are null on another machine. */
  'drill-left-out': {
    backup: BackupId
    reason: 'budget' | 'disk'
    provenAt: string | null
    overdue: boolean
    expectedSeconds: number
    neededBytes: number
    freeBytes: number | null
  }
  /** No verdict on the backup: the newest one is too old, or the scratch failed. */
  'drill-failed': { backup: BackupId; error: ErrorFacts }
  /** The dump inside a monthly archive, restored and compared. */
  'archive-drilled': {
    archive: string
    backup: BackupId
    outcome: 'passed' | 'failed'
    differences: string[]
    durationMs: number
  }
  'archive-not-drilled': { archive: string; error: ErrorFacts }
  /** What the night had no time for; those that waited longest go first the next time. */
  'archives-waiting': { archives: number }
  /** The scratch could not be like the original: a locale, a role. */
  'scratch-differs': { backup: BackupId; notes: string[] }
  /** How much of the platform has a proof of a restore that is young enough. */
  'drills-covered': {
    subjects: number
    proven: number
    percent: number
    everyDays: number
    oldestDays: number | null
  }
}
