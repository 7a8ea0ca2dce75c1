// The closed vocabulary of what happens: every event the journal keeps, what each one says, and the few that are only live.
import type { ErrorCode } from './errors.js'
import type { BackupId, RunId } from './ids.js'
import type { BackupKind } from './manifest.js'
import type { ProofLevel } from './proof-level.js'
import type { SnapshotEventFacts } from './snapshot-events.js'
import type { SubjectId } from './subject.js'

export const TRIGGERS = ['schedule', 'catch-up', 'manual', 'api'] as const
export type Trigger = (typeof TRIGGERS)[number]

export const OUTCOMES = ['running', 'succeeded', 'partial', 'failed', 'interrupted', 'cancelled'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** A failure as it is kept: no stack, no secret. */
export interface ErrorFacts {
  code: ErrorCode
  message: string
  hint: string
  /** Outermost first. */
  causes: string[]
}

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

/** Type of event → its facts. `run` and `subject` stand beside the facts, on every event. */
export interface EventFacts extends SnapshotEventFacts<ErrorFacts> {
  'run-started': { job: string; trigger: Trigger; due: string | null }
  'run-finished': {
    job: string
    outcome: Exclude<Outcome, 'running' | 'interrupted' | 'cancelled'>
    durationMs: number
    error: ErrorFacts | null
  }
  'run-interrupted': { job: string; durationMs: number; error: ErrorFacts }
  /** Somebody asked it to end; how it ended is told by its end. */
  'run-cancel-asked': { who: string; reason: string | null }
  'run-cancelled': { job: string; durationMs: number; error: ErrorFacts }
  'run-missed': { job: string; schedule: string; due: string }
  'run-planned': { subjects: readonly SubjectId[] }
  'subject-skipped': { database: string; reason: string }
  drift: {
    kind:
      | 'tenant-without-database'
      | 'database-without-tenant'
      | 'inactive-tenant-with-database'
      | 'tenant-not-covered'
      | 'database-vanished'
    database: string
    tenant?: string
    status?: string
  }
  'discovery-problem': { error: ErrorFacts }
  /** Told when the one wait for it begins that all subjects share, and when it is over: those that are left go on, or fail with it. */
  'server-away': { waitedMs: number; outcome: 'waiting' | 'back' | 'away'; error: ErrorFacts }
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
  'proof-passed': { backup: BackupId; tables: number; rows: number; durationMs: number }
  'proof-failed': { backup: BackupId; differences: string[] }
  'archive-started': { archive: string; backup: BackupId }
  'archive-stored': {
    archive: string
    backup: string
    instant: string
    files: number
    /** Files that were listed and are not in it, or are in it as of another version: exceptions.json inside says which. */
    missing: number
    changed: number
    tarBytes: number
    storedBytes: number
    durationMs: number
  }
  'archive-skipped': { month: string; reason: string }
  'archive-failed': { month: string; error: ErrorFacts }
  'archive-removed': { archive: string; why: string }
  /** The plan let it go, a bucket lock did not. */
  'archive-kept': { archive: string; why: string }
  'archive-verified': { archive: string; members: number; bytes: number; problems: string[] }
  /** A long put was begun; until its end is noted, the id finds what a killed run left half. */
  'upload-started': { key: string; upload: string }
  'upload-ended': { key: string; upload: string; outcome: 'completed' | 'aborted' }
  'backup-pinned': { backup: BackupId; who: string; why: string }
  'backup-unpinned': { backup: BackupId; who: string }
  /** A subject whose database is gone; nothing of it is removed before `heldUntil`. */
  'subject-departed': { since: string; heldUntil: string }
  /** So many databases vanished at once that it is taken for an accident: nobody is held to have departed. */
  'departures-doubted': { subjects: string[] }
  'sweep-planned': { subjects: number; backups: number; remove: number; refused: number }
  /** The fuse: what would be removed is more than may be without being asked. Without a subject: of all together. */
  'sweep-refused': { remove: number; of: number; why: string }
  /** Said before its manifest is deleted, so that nothing goes unsaid; the chunks that it alone named follow after the grace. */
  'backup-removal': { backup: BackupId; kind: string; instant: string; reasons: string[] }
  /** Locked until the bucket lets go: backups and chunks. The plan shows these backups as kept, and each sweep tries them again. */
  'removal-locked': { count: number; first: string; backups?: BackupId[] }
  /** Said before they are deleted; of each id its first twelve digits, which tell a tenant's chunks apart. */
  'chunk-removal': { reason: string; count: number; storedBytes: number; chunks: string[] }
  /** Records of what is gone, probes of processes that died: worth nothing any more, told when they are deleted. */
  'leftovers-removed': { reason: string; keys: string[] }
  /** Which chunks are needed cannot be told, so none is deleted. */
  'chunks-protected': { reason: string }
  /** Without a subject: of what a sweep tidies up at its end. */
  'sweep-failed': { error: ErrorFacts }
  /** Events of before an instant that nobody asks for any more. */
  'journal-trimmed': { before: string; events: number }
  /** Stored or read back only: what a drill restores is told as proof-passed or proof-failed. */
  'backup-verified': {
    backup: BackupId
    level: ProofLevel
    outcome: 'passed' | 'failed'
    differences: string[]
  }
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
  'config-reloaded': { file: string; schedules: string[] }
  'config-refused': { file: string; problems: { path: string; message: string; at: string }[] }
  'schedule-paused': { schedule: string; who: string }
  'schedule-resumed': { schedule: string; who: string }
  'lease-acquired': { holder: string }
  'lease-taken-over': { holder: string; from: string }
  'lease-lost': { holder: string; why: string }
  'daemon-started': { version: string; pid: number }
  'daemon-stopping': { reason: string }
  'keys-rotated': { recipients: string[]; subjects: number }
  /** The catalogue knew them, the store has them no more, and no sweep of this machine took them. The newest first. */
  'backups-vanished': { count: number; first: { backup: BackupId; instant: string }[] }
  'catalogue-rebuilt': { backups: number; subjects: number; durationMs: number }
}

export type EventType = keyof EventFacts

export interface About {
  run: RunId | null
  subject: SubjectId | null
}

/** An event about to be kept. */
export type NewEvent = { [T in EventType]: About & { type: T; facts: EventFacts[T] } }[EventType]

/** An event as kept: `seq` grows by one with each, for ever; `at` is ISO 8601 by the wall clock. */
export type StoredEvent = NewEvent & { seq: number; at: string }
