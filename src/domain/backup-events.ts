// What the journal keeps of backups: made, checked, damaged, healed, pinned, gone; part of the one vocabulary in events.ts.
import type { ErrorFacts } from './error-facts.js'
import type { BackupId } from './ids.js'
import type { BackupKind } from './manifest.js'
import type { ProofLevel } from './proof-level.js'

/** What is stored of one backup, as events and metrics give it. */
export interface BackupFacts {
  backup: BackupId
  kind: BackupKind
  /** ISO 8601: the instant that the data is of. */
  instant: string
  rows: number
  tables: number
  streamBytes: number
  newBytes: number
  /** The new bytes as stored; then those reused, and the stored length of everything the backup names. */
  newStoredBytes: number
  reusedBytes: number
  storedBytes: number
  durationMs: number
}

/** What a check saw of one subject. */
export interface CheckFacts {
  backups: number
  chunks: number
  storedBytes: number
  /** Downloaded, opened and compared with their ids. */
  readChunks: number
  readBytes: number
  damaged: number
  /** Bad chunks that no backup needs, found now: the next dump does not rely on them. Left out when there is none. */
  unneeded?: number
  healed: number
  broken: BackupId[]
  /** Keys and manifests that cannot be used, or could not be when this machine is gone. */
  problems: string[]
}

/** Type of event → its facts. */
export interface BackupEventFacts {
  'backup-started': { kind: BackupKind }
  'backup-committed': BackupFacts
  'backup-failed': { error: ErrorFacts }
  /**
   * Found by a night on its way, or by a check: stored objects that are not what was stored, and where it is known which
   * backups that breaks. A chunk that the next dump still needs is stored anew.
   */
  'objects-damaged': { count: number; first: { key: string; message: string }[]; broken?: BackupId[] }
  /** Chunks that were damaged and are whole again, read back and compared. */
  'objects-healed': { count: number; first: string[] }
  'subject-checked': CheckFacts
  'check-failed': { error: ErrorFacts }
  /** Stored or read back only: what a drill restores is told as proof-passed or proof-failed. */
  'backup-verified': {
    backup: BackupId
    level: ProofLevel
    outcome: 'passed' | 'failed'
    differences: string[]
  }
  'backup-pinned': { backup: BackupId; who: string; why: string }
  'backup-unpinned': { backup: BackupId; who: string }
  /** The catalogue knew them, the store has them no more, and no sweep of this machine took them. The newest first. */
  'backups-vanished': { count: number; first: { backup: BackupId; instant: string }[] }
  'catalogue-rebuilt': { backups: number; subjects: number; durationMs: number }
}
