// The month's archives: each tenant and the master that has a backup and no archive of the month yet, one after the other.
// Then what is older than it has to be kept goes, by a plan that says why. One tenant's failure is one tenant's failure.
import { type ArchiveIndex, parseMonth } from '../domain/archive.js'
import { asFailure, Failure } from '../domain/errors.js'
import { instantMs } from '../domain/ids.js'
import { GLOBALS, type SubjectId } from '../domain/subject.js'
import { listArchives, type StoredArchive } from '../repository/archive-list.js'
import { listManifests, listSubjects } from '../repository/manifests.js'
import { archiveTenant } from './archive-tenant.js'
import { errorFacts } from './journal-rows.js'
import type { JobContext, Parts } from './parts.js'
import { pruneArchives } from './prune-archives.js'
import type { JobEnd } from './runner.js'

export interface ArchivesReport {
  stored: ArchiveIndex[]
  skipped: { subject: SubjectId; reason: string }[]
  failed: { subject: SubjectId; failure: Failure }[]
}

/** @throws Failure when the store cannot be listed; a subject's own failure is in the report instead. */
export async function archiveTenants(
  parts: Parts,
  request: { month: string; zone: string },
  context: JobContext,
): Promise<ArchivesReport> {
  const month = parseMonth(request.month)
  const subjects = (await listSubjects(parts.repository.store)).filter(subject => subject !== GLOBALS)
  context.watch?.planned?.(subjects)
  const report: ArchivesReport = { stored: [], skipped: [], failed: [] }
  const work = { parts, month, context, report }
  const again = await archiveEach(work, subjects, { lastTry: false })
  if (again.length > 0) {
    // What failed for a passing reason would otherwise wait for a month: a night may have held the subject, say.
    await parts.clock.sleep(parts.config.dump.retryPauseMs, context.signal)
    await archiveEach(work, again, { lastTry: true })
  }
  for (const subject of subjects) {
    const failure = report.failed.find(one => one.subject === subject)?.failure ?? null
    await pruneArchives(parts, subject, { zone: request.zone, failure }, context)
  }
  return report
}

interface Work {
  parts: Parts
  month: string
  context: JobContext
  report: ArchivesReport
}

/** @returns those that are worth another try. */
async function archiveEach(
  work: Work,
  subjects: readonly SubjectId[],
  { lastTry }: { lastTry: boolean },
): Promise<SubjectId[]> {
  const again: SubjectId[] = []
  for (const subject of subjects) {
    work.context.signal.throwIfAborted()
    const failure = await archiveOne(work, subject)
    if (!failure) continue
    if (failure.retryable && !lastTry) again.push(subject)
    else tellFailure(work, subject, failure)
  }
  work.context.signal.throwIfAborted()
  return again
}

async function archiveOne(
  { parts, month, context, report }: Work,
  subject: SubjectId,
): Promise<Failure | null> {
  try {
    const reason = await whyNot(parts, subject, month, context.signal)
    if (reason !== null) {
      report.skipped.push({ subject, reason })
      context.emit({ type: 'archive-skipped', subject, facts: { month, reason } })
      return null
    }
    report.stored.push(await archiveTenant(parts, { subject, month, backup: 'latest' }, context))
    return null
  } catch (thrown) {
    if (context.signal.aborted) throw thrown
    return asFailure(thrown)
  }
}

function tellFailure({ month, context, report }: Work, subject: SubjectId, failure: Failure): void {
  report.failed.push({ subject, failure })
  context.emit({ type: 'archive-failed', subject, facts: { month, error: errorFacts(failure) } })
  context.watch?.failed?.(subject, failure)
}

/** A run that is made up for, or repeated after a crash, does again only what is missing. */
async function whyNot(
  { repository: { store } }: Parts,
  subject: SubjectId,
  month: string,
  signal: AbortSignal,
): Promise<string | null> {
  const archives = (await listArchives(store, subject, { signal })).filter(isWhole)
  const same = archives.find(one => one.name.startsWith(month))
  if (same) return `${same.name} is there`
  const [newest] = await listManifests(store, subject, { signal })
  if (!newest) return 'there is no backup to make it from'
  const [last] = archives
  // A tenant that left has its last archive; the same dump once more would tell nothing new.
  if (last && last.storedAt.getTime() > instantMs(newest.instant)) return `no backup since ${last.name}`
  return null
}

const isWhole = ({ indexed, bytes }: StoredArchive): boolean => indexed && bytes !== null

/** How the run ends. @throws Failure when nothing was archived though something should have been. */
export function endOfArchives({ stored, skipped, failed }: ArchivesReport): JobEnd {
  const missing = stored.flatMap(one => one.exceptions).filter(one => one.what === 'missing').length
  const facts = { archived: stored.length, skipped: skipped.length, failed: failed.length, missing }
  const [first] = failed
  if (!first) return { outcome: missing > 0 ? 'partial' : 'succeeded', facts }
  if (stored.length > 0) return { outcome: 'partial', facts }
  if (failed.length === 1) throw first.failure
  throw new Failure('partial', `none of ${failed.length} archives was made`, { cause: first.failure, facts })
}
