// The check of the store: is everything there that the backups need, does it read back, could it be opened without this machine.
import type { CheckFacts } from '../domain/backup-events.js'
import { asFailure, Failure } from '../domain/errors.js'
import { type SubjectId, subjectName, subjectNamed } from '../domain/subject.js'
import { listSubjects } from '../repository/manifests.js'
import { openReading, type Reading, type ReadingOptions } from './check-reading.js'
import type { CheckReport, SubjectCheck } from './check-report.js'
import { checkSubject } from './check-subject.js'
import { errorFacts } from './journal-rows.js'
import type { JobContext, Parts } from './parts.js'
import { refreshCatalogue } from './refresh-catalogue.js'

export interface CheckRequest extends ReadingOptions {
  /** All subjects in the store when it is empty. */
  names: readonly string[]
}

/** Damaged objects told in an event; the rest of them are known by their number. */
const DAMAGES_TOLD = 10

/**
 * Checks subject after subject. What is damaged is marked, told, and in the report.
 * @throws Failure store-* when the store cannot be read: then nothing more is marked; tenant-unknown for a name without backups.
 */
export async function checkStore(
  parts: Parts,
  request: CheckRequest,
  context: JobContext,
): Promise<CheckReport> {
  const subjects = chooseStored(await listSubjects(parts.repository.store, context), request.names)
  // Of all, where all are looked at: a subject of which nothing is left is in no listing.
  const only = request.names.length > 0 ? { only: subjects } : {}
  const { gone } = await refreshCatalogue(parts, context.emit, {
    from: 'cache',
    signal: context.signal,
    ...only,
  })
  const reading = openReading({ clock: parts.clock, laps: parts.laps }, request)
  const report: CheckReport = { checked: [], failed: [], gone, short: false, coverage: null }
  for (const subject of reading.order(subjects)) {
    context.signal.throwIfAborted()
    await checkOne(parts, subject, reading, context, report)
  }
  return { ...report, short: reading.short, coverage: reading.coverage() }
}

async function checkOne(
  parts: Parts,
  subject: SubjectId,
  reading: Reading,
  context: JobContext,
  report: CheckReport,
): Promise<void> {
  try {
    const check = await checkSubject(parts, subject, reading, context)
    report.checked.push(check)
    tell(check, context)
  } catch (thrown) {
    const failure = aboutSubject(thrown, context.signal)
    report.failed.push({ subject, failure })
    context.emit({ type: 'check-failed', subject, facts: { error: errorFacts(failure) } })
  }
}

/** A store that cannot be read, a full disk, an end that was asked for: these are not one subject's own. */
function aboutSubject(thrown: unknown, signal: AbortSignal): Failure {
  const failure = asFailure(thrown)
  if (signal.aborted || failure.code.startsWith('store-') || failure.exit === 1) throw thrown
  return failure
}

/** @throws Failure tenant-unknown for a name of which nothing is there. */
export function chooseStored(subjects: SubjectId[], names: readonly string[]): SubjectId[] {
  if (names.length === 0) return subjects
  return [...new Set(names.map(subjectNamed))].map(id => {
    if (subjects.includes(id)) return id
    throw new Failure('tenant-unknown', `there is nothing of ${subjectName(id)} in the store`, {
      hint: 'type `gmah-backup backups` to see what there is',
    })
  })
}

function tell(check: SubjectCheck, context: JobContext): void {
  const { subject, damaged, healed } = check
  const broken = check.broken.map(one => one.backup)
  if (damaged.length > 0) {
    const first = damaged.slice(0, DAMAGES_TOLD).map(({ key, message }) => ({ key, message }))
    context.emit({ type: 'objects-damaged', subject, facts: { count: damaged.length, first, broken } })
  }
  if (healed.length > 0) {
    const facts = { count: healed.length, first: healed.slice(0, DAMAGES_TOLD) }
    context.emit({ type: 'objects-healed', subject, facts })
  }
  const { backups, chunks, storedBytes, readChunks, readBytes } = check
  const facts: CheckFacts = {
    ...{ backups, chunks, storedBytes, readChunks, readBytes, broken },
    damaged: damaged.length + check.stillDamaged,
    ...(check.unneeded.length > 0 ? { unneeded: check.unneeded.length } : {}),
    healed: healed.length,
    problems: check.problems.map(one => `${one.code}: ${one.message}`),
  }
  context.emit({ type: 'subject-checked', subject, facts })
  context.watch?.checked?.(subject, facts)
}
