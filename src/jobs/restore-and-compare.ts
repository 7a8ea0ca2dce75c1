// One dump, wherever it lay, restored for a proof: loaded into the scratch, dumped again, compared, asked, dropped.
import type { Assertion } from '../domain/assertion.js'
import { asFailure, causes, type ErrorCode, isStop } from '../domain/errors.js'
import type { DumpFacts } from '../domain/manifest.js'
import type { ProofFindings } from '../domain/records.js'
import type { SubjectId } from '../domain/subject.js'
import { majorOf } from '../postgres/tools.js'
import { askAssertions } from '../verify/assertions.js'
import { differenceText, prove } from '../verify/proof.js'
import { assertFits, diskRanFull, neededBytes } from '../verify/scratch-disk.js'
import { dropScratch, loadIntoScratch } from '../verify/scratch-load.js'
import { type JobContext, type Parts, progressOf } from './parts.js'
import type { Bench } from './scratch-bench.js'

/** What pg_dump wrote, what it must come back as, and what is asked of it then. */
export interface DumpSource {
  subject: SubjectId
  dump: DumpFacts
  /** Length of the stream. */
  bytes: number
  /** The stream; it throws when it is not what was stored. */
  read(onBytes: (bytes: number) => void): AsyncIterable<Uint8Array>
  assertions: readonly Assertion[]
}

/** What speaks of the backup itself. Anything else that fails speaks of this machine or of the store, and is no verdict. */
const VERDICTS: readonly ErrorCode[] = [
  'object-missing',
  'object-corrupt',
  'manifest-invalid',
  'dump-invalid',
  'extension-missing',
  'version-too-old',
  'restore-failed',
]

/**
 * @throws Failure of the preflight, the load or the comparison; `asVerdict` tells those that speak of the backup. disk-full, with
 * `neededBytes` and `freeBytes`, before anything is loaded or when the disk ran full in the middle of it.
 */
export async function restoreAndCompare(
  parts: Parts,
  source: DumpSource,
  bench: Bench,
  context: JobContext,
): Promise<ProofFindings> {
  const needed = neededBytes(source.dump)
  const { scratch } = bench
  assertFits(needed, await scratch.freeBytes(), scratch.place)
  try {
    return await loadAndCompare(parts, source, bench, context)
  } catch (thrown) {
    throw (await ranFull(thrown, scratch)) ? diskRanFull(thrown, needed, scratch.place) : thrown
  }
}

/**
 * A server that cannot write its log dies, and whoever worked on it hears no more than that the connection is lost: then the
 * disk is asked. What the store gave is judged before PostgreSQL has seen it.
 */
async function ranFull(thrown: unknown, { freeBytes }: Bench['scratch']): Promise<boolean> {
  const failure = asFailure(thrown)
  if (failure.code === 'disk-full') return true
  return !isStop(failure) && !/^(object|store)-/.test(failure.code) && (await freeBytes()) === 0
}

async function loadAndCompare(
  parts: Parts,
  source: DumpSource,
  bench: Bench,
  context: JobContext,
): Promise<ProofFindings> {
  const { dump } = source
  const server = await bench.scratch.server(majorOf(dump.server.versionNum))
  const database = bench.nextName()
  const { dump: politeness, drills } = parts.config
  const { signal } = context
  const progress = (phase: 'load' | 'prove') => progressOf(context, source.subject, phase, source.bytes)
  try {
    const loaded = await loadIntoScratch(dump, () => source.read(progress('load')), {
      server,
      database,
      politeness,
      clock: parts.clock,
      signal,
      globals: await bench.globals(),
      inTurn: bench.inTurn,
      ownServer: bench.scratch.own,
    })
    const proving = { politeness, signal, onBytes: progress('prove') }
    const proof = await prove(server, database, loaded.expected, proving)
    const limits = { timeoutMs: drills.assertionTimeoutMs, signal }
    const wrong = await askAssertions(server, database, source.assertions, limits)
    return {
      loadSeconds: loaded.loadSeconds,
      tables: proof.tables,
      rows: proof.rows,
      differences: [...proof.differences.map(differenceText), ...wrong],
      notes: [...loaded.notes, ...proof.notes],
    }
  } finally {
    await dropScratch(server, database)
  }
}

/** A load that failed because of what the backup is, as what it found. @throws what was thrown when it is no verdict. */
export function asVerdict(thrown: unknown): ProofFindings {
  const failure = asFailure(thrown)
  // A pg_restore that someone ended (out of memory, say) has said nothing about the backup.
  const ended = failure.code === 'restore-failed' && failure.facts.endedBy
  if (!VERDICTS.includes(failure.code) || ended) throw thrown
  const differences = [causes(failure).join('; because: ')]
  return { loadSeconds: null, tables: 0, rows: 0, differences, notes: [] }
}
