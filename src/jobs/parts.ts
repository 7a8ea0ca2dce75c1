// What every job works with, wired once in app.ts, and what it is told about the run it is in.
import type { CheckFacts } from '../domain/backup-events.js'
import type { Config } from '../domain/configuration.js'
import type { Failure } from '../domain/errors.js'
import type { BackupKind, Manifest } from '../domain/manifest.js'
import type { ProofRecord } from '../domain/records.js'
import type { SubjectId } from '../domain/subject.js'
import type { Hetzner } from '../hetzner/client.js'
import type { Catalogue } from '../repository/catalogue.js'
import type { Repository } from '../repository/repository.js'
import type { Store } from '../store/port.js'
import type { Clock } from '../sys/clock.js'
import type { JournalReader } from './journal-reader.js'
import type { OldEvents } from './old-events.js'
import type { RotationLaps } from './rotation-laps.js'
import type { RunContext } from './runner.js'

export interface Parts {
  config: Config
  clock: Clock
  repository: Repository
  catalogue: Catalogue
  /** Null without a token: server snapshots are off. */
  hetzner: Hetzner | null
  laps: RotationLaps
  /** The end of the journal that a sweep lets go. */
  oldEvents: OldEvents
  /** The application's files, read-only. */
  files: Store
  /** What earlier runs did. */
  journal: JournalReader
  /** `gmah-backup 0.1.0`, as manifests name their maker. */
  tool: string
}

/** The run a job is in; its signal fires when the run must end: shutdown, deadline, a lease that was lost. */
export interface JobContext
  extends Pick<RunContext, 'run' | 'signal' | 'emit'>,
    Partial<Pick<RunContext, 'finish'>> {
  /** Whoever watches this run live; nothing of it is stored. */
  watch?: Watcher
}

/** Before a step that must come to its end: from here on nobody cancels. @throws Failure the signal's reason, when it has fired. */
export function finish({ signal, ...context }: JobContext, what: string): void {
  signal.throwIfAborted()
  context.finish?.(what)
}

/** What a person in front of a terminal, or a page, sees of a run while it goes on. */
export interface Watcher {
  /** @param what is done with them; `backing up` when it is not said. */
  planned?(subjects: readonly SubjectId[], what?: string): void
  progress?(subject: SubjectId, progress: Progress): void
  backedUp?(manifest: Manifest): void
  restored?(report: Restored): void
  proven?(subject: SubjectId, proof: ProofRecord): void
  failed?(subject: SubjectId, failure: Failure): void
  checked?(subject: SubjectId, found: CheckFacts): void
  /** Something for the person alone, about the watching. */
  notice?(line: string): void
}

/** A subject that is back. */
export interface Restored {
  manifest: Manifest
  database: string
  proof: { tables: number; rows: number }
  /** What load and proof took. */
  loadSeconds: number
}

export interface Progress {
  phase: 'dump' | 'load' | 'prove' | 'read' | 'export' | 'archive'
  /** Bytes of the stream done so far, and in all where that is known. */
  bytes: number
  of: number | null
  newBytes?: number
  reusedBytes?: number
}

/** A counter of bytes that tells the run's watcher how far a phase is. */
export function progressOf(
  context: JobContext,
  subject: SubjectId,
  phase: Progress['phase'],
  of: number | null,
) {
  let bytes = 0
  return (more: number): void => {
    bytes += more
    context.watch?.progress?.(subject, { phase, bytes, of })
  }
}

export interface BackupRequest {
  kind: BackupKind
  label: string | null
}
