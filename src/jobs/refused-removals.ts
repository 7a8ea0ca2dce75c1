// Which backups the bucket would not let go. No listing shows a bucket lock, so only a removal that was refused tells of it: what
// the plan says of locks is what the last sweep met.
import type { BackupId } from '../domain/ids.js'
import type { SubjectId } from '../domain/subject.js'
import type { JournalReader } from './journal-reader.js'

/** Backup → why it does not go, for people. A lost journal forgets them, and the next sweep meets them again. */
export function refusedRemovals(
  journal: Pick<JournalReader, 'lastEvent'>,
  subject: SubjectId,
): ReadonlyMap<BackupId, string> {
  const last = journal.lastEvent(subject, ['removal-locked'])
  if (last?.type !== 'removal-locked') return new Map()
  const detail = `until the bucket lets go; refused on ${last.at.slice(0, 10)}, tried again by each sweep`
  return new Map((last.facts.backups ?? []).map(backup => [backup, detail]))
}
