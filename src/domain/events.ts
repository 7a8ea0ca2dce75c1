// The closed vocabulary of what happens: every event the journal keeps. What each one says stands here, or with its like.
import type { ArchiveEventFacts } from './archive-events.js'
import type { BackupEventFacts } from './backup-events.js'
import type { RunId } from './ids.js'
import type { ProofEventFacts } from './proof-events.js'
import type { RestoreEventFacts } from './restore-events.js'
import type { RunEventFacts } from './run-events.js'
import type { SnapshotEventFacts } from './snapshot-events.js'
import type { SubjectId } from './subject.js'
import type { SubjectEventFacts } from './subject-events.js'
import type { SweepEventFacts } from './sweep-events.js'

/** Of the daemon itself: its configuration, schedules, leases and keys. */
interface DaemonEventFacts {
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
}

/** Type of event → its facts. `run` and `subject` stand beside the facts, on every event. */
export interface EventFacts
  extends ArchiveEventFacts,
    BackupEventFacts,
    DaemonEventFacts,
    ProofEventFacts,
    RestoreEventFacts,
    RunEventFacts,
    SnapshotEventFacts,
    SubjectEventFacts,
    SweepEventFacts {}

export type EventType = keyof EventFacts

export interface About {
  run: RunId | null
  subject: SubjectId | null
}

/** An event about to be kept. */
export type NewEvent = { [T in EventType]: About & { type: T; facts: EventFacts[T] } }[EventType]

/** An event as kept: `seq` grows by one with each, for ever; `at` is ISO 8601 by the wall clock. */
export type StoredEvent = NewEvent & { seq: number; at: string }
