// What is known of each subject's test restores: its newest backup, its proofs, what they took; and which of them is too old.
import type { Config } from '../domain/configuration.js'
import { Failure } from '../domain/errors.js'
import { instantMs } from '../domain/ids.js'
import { formatDuration } from '../domain/quantity.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import type { Catalogue, CatalogueEntry } from '../repository/catalogue.js'
import type { CatalogueProof } from '../repository/catalogue-proofs.js'
import type { Candidate } from '../verify/drill-plan.js'

/** One for each subject that has a backup. */
export function drillCandidates(catalogue: Catalogue): Candidate[] {
  const lengths = new Map(catalogue.list().map(one => [one.id, one.bytes]))
  const sound = new Map(catalogue.newest().map(one => [one.subject, one]))
  // Who has nothing sound is not left out: its drill fails, and says why.
  return catalogue.newestAtAll().map(last => {
    const newest = sound.get(last.subject) ?? last
    const tries = catalogue.proofs.list({ subject: newest.subject }).filter(one => one.level === 'restore')
    const passed = tries.filter(one => one.outcome === 'passed')
    return {
      subject: newest.subject,
      backup: newest.id,
      bytes: newest.bytes,
      triedAtMs: atOf(tries[0]),
      provenAtMs: atOf(passed[0]),
      measured: measureOf(passed, lengths),
    }
  })
}

const atOf = (proof: CatalogueProof | undefined): number | null => (proof ? Date.parse(proof.at) : null)

/** Of the newest proof whose backup is still known, and with it its length. */
function measureOf(passed: readonly CatalogueProof[], lengths: ReadonlyMap<string, number>) {
  for (const { backup, seconds } of passed) {
    const bytes = lengths.get(backup)
    if (bytes !== undefined) return { bytes, seconds }
  }
  return null
}

/** The longest that the schedules of backups let the last one become; null when nothing is scheduled. */
export function backupWindowMs({ schedules }: Pick<Config, 'schedules'>): number | null {
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
