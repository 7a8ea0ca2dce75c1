// One test restore: load into the scratch, dump again, compare, ask the assertions, drop; the verdict goes into the bucket.
import { assertionsFor } from '../domain/assertion.js'
import { asFailure, causes, type ErrorCode } from '../domain/errors.js'
import type { DumpFacts, Manifest } from '../domain/manifest.js'
import type { ProofFindings, ProofRecord } from '../domain/records.js'
import { majorOf } from '../postgres/tools.js'
import { appendProof } from '../repository/proofs.js'
import { askAssertions } from '../verify/assertions.js'
import { differenceText, prove } from '../verify/proof.js'
import { assertFits, neededBytes } from '../verify/scratch-disk.js'
import { dropScratch, loadIntoScratch } from '../verify/scratch-load.js'
import type { OpenedBackup } from './open-backup.js'
import { type JobContext, type Parts, progressOf } from './parts.js'
import { proveGlobals } from './prove-globals.js'
import type { Bench } from './scratch-bench.js'

/** So many differences are kept: the first ones tell where to look. */
const DIFFERENCES_KEPT = 100
const DIFFERENCES_TOLD = 20

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
 * Restores the backup for a proof, appends the verdict and tells it.
 * @throws Failure when there is no verdict: disk-full (with `neededBytes` and `freeBytes`), tool-missing, store-*,
 * postgres-*, interrupted.
 */
export async function proveBackup(
  parts: Parts,
  { manifest, key }: OpenedBackup,
  bench: Bench,
  context: JobContext,
): Promise<ProofRecord> {
  const started = parts.clock.ticks()
  const findings = await restoreAndCompare(parts, { manifest, key }, bench, context).catch(asVerdict)
  const seconds = (parts.clock.ticks() - started) / 1000
  const { notes, ...found } = findings
  const record: ProofRecord = {
    format: 1,
    backup: manifest.backup,
    at: parts.clock.now().toISOString(),
    level: 'restore',
    outcome: found.differences.length === 0 ? 'passed' : 'failed',
    ...found,
    differences: found.differences.slice(0, DIFFERENCES_KEPT),
    seconds,
    ...(notes.length > 0 ? { notes } : {}),
    tool: parts.tool,
  }
  await appendProof(parts.repository, parts.catalogue, key, record)
  tell(record, manifest, context)
  return record
}

async function restoreAndCompare(
  parts: Parts,
  { manifest, key }: OpenedBackup,
  bench: Bench,
  context: JobContext,
): Promise<ProofFindings> {
  const { dump } = manifest
  if (!dump) return proveGlobals(parts, { manifest, key }, bench, context)
  assertFits(neededBytes(dump), await bench.scratch.freeBytes(), bench.scratch.place)
  const server = await bench.scratch.server(majorOf(dump.server.versionNum))
  const database = bench.nextName()
  const { dump: politeness, drills } = parts.config
  const { signal } = context
  const progress = (phase: 'load' | 'prove') =>
    progressOf(context, manifest.subject, phase, manifest.stream.bytes)
  try {
    const load = { server, database, politeness, clock: parts.clock, signal, onBytes: progress('load') }
    const roles = { globals: await bench.globals(), inTurn: bench.inTurn, ownServer: bench.scratch.own }
    const loaded = await loadIntoScratch(parts.repository, key, withDump(manifest, dump), {
      ...load,
      ...roles,
    })
    const proving = { politeness, signal, onBytes: progress('prove') }
    const proof = await prove(server, database, loaded.expected, proving)
    const asked = assertionsFor(drills.assertions, manifest.subject)
    const limits = { timeoutMs: drills.assertionTimeoutMs, signal }
    const wrong = await askAssertions(server, database, asked, limits)
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

const withDump = (manifest: Manifest, dump: DumpFacts) => ({ ...manifest, dump })

/** A load that failed because of what the backup is, as what it found. @throws what was thrown when it is no verdict. */
function asVerdict(thrown: unknown): ProofFindings {
  const failure = asFailure(thrown)
  // A pg_restore that someone ended (out of memory, say) has said nothing about the backup.
  const ended = failure.code === 'restore-failed' && failure.facts.endedBy
  if (!VERDICTS.includes(failure.code) || ended) throw thrown
  const differences = [causes(failure).join('; because: ')]
  return { loadSeconds: null, tables: 0, rows: 0, differences, notes: [] }
}

function tell(record: ProofRecord, { subject }: Manifest, context: JobContext): void {
  const { backup, tables, rows, differences, notes = [] } = record
  const durationMs = Math.round(record.seconds * 1000)
  if (notes.length > 0) context.emit({ type: 'scratch-differs', subject, facts: { backup, notes } })
  if (record.outcome === 'passed') {
    context.emit({ type: 'proof-passed', subject, facts: { backup, tables, rows, durationMs } })
  } else {
    const told = differences.slice(0, DIFFERENCES_TOLD)
    context.emit({ type: 'proof-failed', subject, facts: { backup, differences: told } })
  }
}
