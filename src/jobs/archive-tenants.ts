// The month's archives: each tenant and the master that has a backup and no archive of the month yet, one after the other; and
// those of months that were missed.
// Then what is older than it has to be kept goes, by a plan that says why. One tenant's failure is one tenant's failure.
import type { ArchiveMade } from '../domain/archive.js'
import { parseMonth } from '../domain/archive-name.js'
import { asFailure, Failure } from '../domain/errors.js'
import { GLOBALS, type SubjectId } from '../domain/subject.js'
import { listSubjects } from '../repository/manifests.js'
import { archiveTenant } from './archive-tenant.js'
import { errorFacts } from './journal-rows.js'
import type { JobContext, Parts } from './parts.js'
import { pruneArchives } from './prune-archives.js'
import type { JobEnd } from './runner.js'
import { type MonthRequest, wantedArchives } from './wanted-archives.js'

export interface ArchivesReport {
  stored: ArchiveMade[]
  skipped: { subject: SubjectId; month: string; reason: string }[]
  failed: { subject: SubjectId; failure: Failure }[]
}

/** @throws Failure when the store cannot be listed; a subject's own failure is in the report instead. */
export async function archiveTenants(
  parts: Parts,
  request: MonthRequest,
  context: JobContext,
): Promise<ArchivesReport> {
  parseMonth(request.month)
  const subjects = (await listSubjects(parts.repository.store, context)).filter(
    subject => subject !== GLOBALS,
  )
  context.watch?.planned?.(subjects)
  const report: ArchivesReport = { stored: [], skipped: [], failed: [] }
  const work = { parts, request, context, report }
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
  request: MonthRequest
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
    const failed = await archiveOne(work, subject, { tell: !lastTry })
    if (!failed) continue
    if (failed.failure.retryable && !lastTry) again.push(subject)
    else tellFailure(work, subject, failed)
  }
  work.context.signal.throwIfAborted()
  return again
}

interface Failed {
  month: string
  failure: Failure
}

/** @param tell what is passed over, the first time. @returns the month at which it stopped; this month's comes first. */
async function archiveOne(
  { parts, request, context, report }: Work,
  subject: SubjectId,
  { tell }: { tell: boolean },
): Promise<Failed | null> {
  let { month } = request
  try {
    const { make, skipped } = await wantedArchives(parts, subject, request, context.signal)
    for (const one of tell ? skipped : []) {
      report.skipped.push({ subject, ...one })
      context.emit({ type: 'archive-skipped', subject, facts: one })
    }
    for (const wanted of make) {
      month = wanted.month
      report.stored.push(await archiveTenant(parts, { subject, ...wanted }, context))
    }
    return null
  } catch (thrown) {
    if (context.signal.aborted) throw thrown
    return { month, failure: asFailure(thrown) }
  }
}

function tellFailure({ context, report }: Work, subject: SubjectId, { month, failure }: Failed): void {
  report.failed.push({ subject, failure })
  context.emit({ type: 'archive-failed', subject, facts: { month, error: errorFacts(failure) } })
  context.watch?.failed?.(subject, failure)
}

/** How the run ends. @throws Failure when nothing was archived though something should have been. */
export function endOfArchives({ stored, skipped, failed }: ArchivesReport): JobEnd {
  const missing = stored.reduce((sum, one) => sum + one.missing, 0)
  const facts = { archived: stored.length, skipped: skipped.length, failed: failed.length, missing }
  const [first] = failed
  if (!first) return { outcome: missing > 0 ? 'partial' : 'succeeded', facts }
  if (stored.length > 0) return { outcome: 'partial', facts }
  if (failed.length === 1) throw first.failure
  throw new Failure('partial', `none of ${failed.length} archives was made`, { cause: first.failure, facts })
}
