// Deletes archives that are older than they have to be kept: by the same pure plan as backups, never the newest one, never one
// under a legal hold, nothing of a tenant whose archive failed this time.
import { asFailure, type Failure } from '../domain/errors.js'
import type { KeepRule } from '../domain/retention-policy.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import { deleteArchive, listArchives, type StoredArchive } from '../repository/archive-list.js'
import type { Copy, Decision } from '../retention/copy.js'
import { planRetention } from '../retention/plan.js'
import type { JobContext, Parts } from './parts.js'

const YEAR_MS = 365.25 * 86_400_000
const NO_PERIODS = { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, last: 0 }

/** What would go and what stays, with every reason. */
function planArchives(
  parts: Pick<Parts, 'config' | 'clock'>,
  subject: SubjectId,
  archives: readonly StoredArchive[],
  { zone, failure }: { zone: string; failure: Failure | null },
): Decision[] {
  const { keepYears, legalHold } = parts.config.archives
  const keep: KeepRule = { ...NO_PERIODS, withinMs: keepYears * YEAR_MS }
  const pin = legalHold.includes(subjectName(subject)) ? 'legal hold (archives.legal_hold)' : null
  const copies = archives.map(
    ({ name, storedAt, indexed }): Copy => ({
      id: name,
      instant: storedAt,
      kind: 'archive',
      pin,
      proven: false,
      broken: indexed ? null : 'unreadable',
      doubt: null,
      locked: null,
    }),
  )
  return planRetention(copies, {
    now: parts.clock.now(),
    zone,
    keep: { archive: keep },
    minimum: 1,
    departed: null,
    lastRunFailed: failure && `its archive failed: ${failure.message}`,
  })
}

/** @throws Failure store-* but store-locked: a lock is told, and the others go on. */
export async function pruneArchives(
  parts: Parts,
  subject: SubjectId,
  circumstances: { zone: string; failure: Failure | null },
  context: JobContext,
): Promise<void> {
  const { store } = parts.repository
  const archives = await listArchives(store, subject, context)
  for (const { copy, verdict, reasons } of planArchives(parts, subject, archives, circumstances)) {
    const archive = archives.find(one => one.name === copy.id)
    if (verdict === 'keep' || !archive) continue
    const why = reasons.map(one => one.detail).join('; ')
    try {
      await deleteArchive(store, subject, archive.name, context)
      context.emit({ type: 'archive-removed', subject, facts: { archive: archive.name, why } })
    } catch (thrown) {
      const failure = asFailure(thrown)
      if (failure.code !== 'store-locked') throw thrown
      context.emit({ type: 'archive-kept', subject, facts: { archive: archive.name, why: failure.message } })
    }
  }
}
