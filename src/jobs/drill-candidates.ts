// What is known of each subject's test restores: its newest backup, its proofs, what they took; and which of them is too old.
import { Failure } from '../domain/errors.js'
import { instantMs } from '../domain/ids.js'
import { formatDuration } from '../domain/quantity.js'
import type { Schedule } from '../domain/schedule.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import type { Catalogue, CatalogueEntry } from '../repository/catalogue.js'
import type { Candidate } from '../verify/drill-plan.js'

/** One for each subject that has a backup. @param entries all there are, from who has them already. */
export function drillCandidates(catalogue: Catalogue, entries = catalogue.list()): Candidate[] {
  const lengths = new Map(entries.map(one => [one.id, one.bytes]))
  const sound = new Map(catalogue.newest().map(one => [one.subject, one]))
  const tries = new Map(catalogue.proofs.tries().map(one => [one.subject, one]))
  // Who has nothing sound is not left out: its drill fails, and says why.
  return catalogue.newestAtAll().map(last => {
    const newest = sound.get(last.subject) ?? last
    const { triedAt = null, provenAt = null, backup = null, seconds = null } = tries.get(last.subject) ?? {}
    const bytes = backup === null ? undefined : lengths.get(backup)
    return {
      subject: newest.subject,
      backup: newest.id,
      bytes: newest.bytes,
      triedAtMs: msOf(triedAt),
      provenAtMs: msOf(provenAt),
      measured: bytes === undefined || seconds === null ? null : { bytes, seconds },
    }
  })
}

const msOf = (at: string | null): number | null => (at === null ? null : Date.parse(at))

/** The longest that the schedules of backups let the last one become; null when nothing is scheduled. */
export function backupWindowMs({ schedules }: { schedules: readonly Schedule[] }): number | null {
  const windows = schedules.flatMap(one => (one.job === 'backup-all' ? [one.freshnessWindowMs] : []))
  return windows.length === 0 ? null : Math.min(...windows)
}

/**
 * Proving an old copy must not look green. A subject that is no longer on the server gets no newer one, and is excused.
 * @throws Failure backup-stale
 */
export function assertFresh(
  { id, subject, instant }: Pick<CatalogueEntry, 'id' | 'subject' | 'instant'>,
  options: { windowMs: number | null; now: Date; living: ReadonlySet<SubjectId> | null },
): void {
  const { windowMs, now, living } = options
  const ageMs = now.getTime() - instantMs(instant)
  if (windowMs === null || ageMs <= windowMs || living?.has(subject) === false) return
  const hours = Math.floor(ageMs / 3_600_000)
  throw new Failure(
    'backup-stale',
    `the newest backup of ${subjectName(subject)}, ${id}, is ${hours} hours old: no older than ${formatDuration(windowMs)} is allowed`,
    { facts: { ageMs, windowMs } },
  )
}
