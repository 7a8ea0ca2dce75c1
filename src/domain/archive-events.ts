// What the journal keeps of monthly archives and of their uploads; part of the one vocabulary in events.ts.
import type { ErrorFacts } from './error-facts.js'
import type { BackupId } from './ids.js'

/** Type of event → its facts. */
export interface ArchiveEventFacts {
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
}
