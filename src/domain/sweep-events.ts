// What the journal keeps of what was removed, and of what was not; part of the one vocabulary in events.ts.
import type { ErrorFacts } from './error-facts.js'
import type { BackupId } from './ids.js'

/** Type of event → its facts. */
export interface SweepEventFacts {
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
}
