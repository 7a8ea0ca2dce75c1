// Monthly archives take part in drills with what the night's budget has left: each tenant's newest one, the longest untried first.
import { DUMP_NAME } from '../domain/archive.js'
import { asFailure } from '../domain/errors.js'
import type { SubjectId } from '../domain/subject.js'
import { errorFacts } from './journal-rows.js'
import { listAllArchives, type StoredArchive } from './list-archives.js'
import { openArchive, readArchiveManifest, readMember } from './open-archive.js'
import type { JobContext, Parts } from './parts.js'
import { asVerdict, restoreAndCompare } from './restore-and-compare.js'
import type { Bench } from './scratch-bench.js'

export interface ArchiveDrills {
  passed: number
  /** What failed, or could not be drilled, and why. */
  failed: { subject: SubjectId; archive: string; why: string }[]
  waiting: number
}

/** @param mayBegin asked before each: is there time for one that is so long? */
export async function drillArchives(
  parts: Parts,
  bench: Bench,
  mayBegin: (subject: SubjectId) => boolean,
  context: JobContext,
): Promise<ArchiveDrills> {
  const result: ArchiveDrills = { passed: 0, failed: [], waiting: 0 }
  for (const archive of await inTurn(parts)) {
    context.signal.throwIfAborted()
    if (mayBegin(archive.subject)) await drillOne(parts, archive, bench, context, result)
    else result.waiting += 1
  }
  if (result.waiting > 0) context.emit({ type: 'archives-waiting', facts: { archives: result.waiting } })
  return result
}

/** The newest whole archive of each subject; never tried first, then the one whose last try is the oldest. */
async function inTurn(parts: Parts): Promise<StoredArchive[]> {
  const newest = new Map<SubjectId, StoredArchive>()
  for (const one of await listAllArchives(parts, null)) {
    if (one.indexed && one.bytes !== null && !newest.has(one.subject)) newest.set(one.subject, one)
  }
  const triedAt = ({ subject, name }: StoredArchive): string => {
    const last = parts.journal.lastEvent(subject, ['archive-drilled', 'archive-not-drilled'])
    return last && (last.facts as { archive: string }).archive === name ? last.at : ''
  }
  return [...newest.values()].sort((a, b) => (triedAt(a) < triedAt(b) ? -1 : 1))
}

async function drillOne(
  parts: Parts,
  { subject, name }: StoredArchive,
  bench: Bench,
  context: JobContext,
  result: ArchiveDrills,
): Promise<void> {
  const started = parts.clock.ticks()
  try {
    const opened = await openArchive(parts, subject, name, context.signal)
    const { backup: manifest } = await readArchiveManifest(opened)
    const { dump, backup, stream } = manifest
    if (!dump) return
    // What must hold today need not have held then: no assertions.
    const source = {
      subject,
      dump,
      bytes: stream.bytes,
      read: () => readMember(opened, DUMP_NAME),
      assertions: [],
    }
    const { differences } = await restoreAndCompare(parts, source, bench, context).catch(asVerdict)
    const outcome = differences.length === 0 ? 'passed' : 'failed'
    const durationMs = Math.round(parts.clock.ticks() - started)
    const facts = {
      archive: name,
      backup,
      outcome,
      differences: differences.slice(0, 20),
      durationMs,
    } as const
    context.emit({ type: 'archive-drilled', subject, facts })
    if (outcome === 'passed') result.passed += 1
    else result.failed.push({ subject, archive: name, why: differences.slice(0, 5).join('; ') })
  } catch (thrown) {
    context.signal.throwIfAborted()
    const failure = asFailure(thrown)
    context.emit({
      type: 'archive-not-drilled',
      subject,
      facts: { archive: name, error: errorFacts(failure) },
    })
    // Archives may be sealed for keys that are kept elsewhere, on purpose: that is told, and is no failure.
    if (failure.code !== 'key-wrong') {
      result.failed.push({ subject, archive: name, why: `${failure.code}: ${failure.message}` })
    }
  }
}
