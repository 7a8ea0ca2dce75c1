// One test restore of a backup: restored, compared, dropped; the verdict goes into the bucket.
import { assertionsFor } from '../domain/assertion.js'
import { asFailure } from '../domain/errors.js'
import type { Manifest } from '../domain/manifest.js'
import type { ProofFindings, ProofRecord } from '../domain/records.js'
import { appendProof } from '../repository/proofs.js'
import { readStream } from '../repository/read-stream.js'
import { isBroken } from './choose-backup.js'
import { readChunks } from './note-damage.js'
import type { OpenedBackup } from './open-backup.js'
import type { JobContext, Parts } from './parts.js'
import { proveGlobals } from './prove-globals.js'
import { asVerdict, restoreAndCompare } from './restore-and-compare.js'
import type { Bench } from './scratch-bench.js'

/** So many differences are kept: the first ones tell where to look. */
const DIFFERENCES_KEPT = 100
const DIFFERENCES_TOLD = 20

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
  const findings = await find(parts, { manifest, key }, bench, context).catch(async thrown => {
    const found = asVerdict(thrown)
    // One bad chunk was met: which others there are, and which backups need them, is asked now.
    if (isBroken(asFailure(thrown))) await readChunks(parts, { manifest, key }, manifest.chunks, context)
    return found
  })
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

function find(parts: Parts, opened: OpenedBackup, bench: Bench, context: JobContext): Promise<ProofFindings> {
  const { manifest, key } = opened
  const { dump, subject, stream } = manifest
  if (!dump) return proveGlobals(parts, opened, bench, context)
  const read = (onBytes: (bytes: number) => void) =>
    readStream(parts.repository, key, manifest, { signal: context.signal, onBytes })
  const assertions = assertionsFor(parts.config.drills.assertions, subject)
  return restoreAndCompare(parts, { subject, dump, bytes: stream.bytes, read, assertions }, bench, context)
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
