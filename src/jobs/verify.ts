// One backup verified on demand: is everything stored, does it read back, does it restore. The verdict is appended as a proof.
import { Failure } from '../domain/errors.js'
import type { BackupId } from '../domain/ids.js'
import type { ProofLevel } from '../domain/proof-level.js'
import type { ProofRecord } from '../domain/records.js'
import { isSubjectId, type SubjectId, subjectNamed } from '../domain/subject.js'
import type { ChunkDamage } from '../repository/damage.js'
import { appendProof } from '../repository/proofs.js'
import { chunksPrefix, parseChunkKey } from '../store/keys.js'
import { readChunks } from './note-damage.js'
import { type OpenedBackup, openBackup } from './open-backup.js'
import { type JobContext, type Parts, progressOf } from './parts.js'
import { proveBackup } from './prove-backup.js'
import type { JobEnd } from './runner.js'
import { withBench } from './scratch-bench.js'

export interface VerifyRequest {
  subject: SubjectId
  /** `latest`, a backup id or its beginning, or an instant. */
  backup: string
  level: ProofLevel
}

export interface VerifyReport {
  subject: SubjectId
  instant: string
  record: ProofRecord
}

/**
 * The verdict is in the report, passed or failed; it is in the store and in the catalogue by then.
 * @throws Failure backup-unknown, and what keeps a verdict from being found: store-*, disk-full, tool-missing, postgres-*.
 */
export async function verifyBackup(
  parts: Parts,
  { subject, backup, level }: VerifyRequest,
  context: JobContext,
): Promise<VerifyReport> {
  const opened = await openBackup(parts.repository, subject, backup)
  const { instant } = opened.manifest
  if (level === 'restore') {
    const record = await withBench(parts, context, bench => proveBackup(parts, opened, bench, context))
    return { subject, instant, record }
  }
  const look = level === 'stored' ? everyChunkStored : readsBack
  const started = parts.clock.ticks()
  const differences = await look(parts, opened, context)
  const record = recordOf(parts, opened, {
    level,
    differences,
    seconds: (parts.clock.ticks() - started) / 1000,
  })
  await appendProof(parts.repository, parts.catalogue, opened.key, record)
  const { outcome } = record
  const facts = { backup: record.backup, level, outcome, differences: record.differences.slice(0, 20) }
  context.emit({ type: 'backup-verified', subject, facts })
  return { subject, instant, record }
}

/** How the run ends: the verdict is its facts. @throws Failure when it did not pass. */
export function endOfVerify({ instant, record }: VerifyReport): JobEnd {
  assertPassed(record)
  return { outcome: 'succeeded', facts: { instant, ...record } }
}

/**
 * What an operator calls a backup: a tenant's name (its newest one), or the id of a backup, whole or its beginning.
 * A name wins over an id: a tenant may be called `beef`.
 */
export function backupNamed(
  { catalogue }: Pick<Parts, 'catalogue'>,
  name: string,
): Omit<VerifyRequest, 'level'> {
  const asSubject = isSubjectId(name) ? name : subjectNamed(name)
  const isId = /^[0-9a-f]{4,12}$/.test(name)
  if (!isId || catalogue.list({ subject: asSubject, limit: 1 }).length > 0) {
    return { subject: asSubject, backup: 'latest' }
  }
  const { subject, id } = catalogue.find(name)
  return { subject, backup: id }
}

/** One listing. A chunk that was stored anew may have got another length: only reading it tells. */
async function everyChunkStored(parts: Parts, opened: OpenedBackup, context: JobContext): Promise<string[]> {
  const { manifest } = opened
  const { subject } = manifest
  const { signal } = context
  const stored = new Map<string, number>()
  for await (const { key, bytes } of parts.repository.store.list(chunksPrefix(subject), { signal })) {
    const id = parseChunkKey(subject, key)
    if (id !== null) stored.set(id, bytes)
  }
  const other = manifest.chunks.filter(({ id, storedBytes }) => stored.get(id) !== storedBytes)
  return damageLines(await readChunks(parts, opened, other, context))
}

/** Every byte, decrypted and held against its digests. */
async function readsBack(parts: Parts, opened: OpenedBackup, context: JobContext): Promise<string[]> {
  const { subject, stream, chunks } = opened.manifest
  const onBytes = progressOf(context, subject, 'read', stream.bytes)
  return damageLines(await readChunks(parts, opened, chunks, context, onBytes))
}

const damageLines = (damaged: readonly ChunkDamage[]): string[] =>
  damaged.map(({ chunk, message }) => `chunk ${chunk}: ${message}`)

function recordOf(
  parts: Parts,
  { manifest }: OpenedBackup,
  { level, differences, seconds }: { level: ProofLevel; differences: string[]; seconds: number },
): ProofRecord {
  const tables = manifest.dump?.tables ?? []
  return {
    format: 1,
    backup: manifest.backup as BackupId,
    at: parts.clock.now().toISOString(),
    level,
    outcome: differences.length === 0 ? 'passed' : 'failed',
    loadSeconds: null,
    seconds,
    tables: tables.length,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    differences: differences.slice(0, 100),
    tool: parts.tool,
  }
}

/** @throws Failure proof-failed that names the first differences, when there are any. */
export function assertPassed({ outcome, backup, level, differences }: ProofRecord): void {
  if (outcome === 'passed') return
  const more = differences.length > 5 ? `; and ${differences.length - 5} more` : ''
  const what = `backup ${backup} did not pass (${level}): ${differences.slice(0, 5).join('; ')}${more}`
  throw new Failure('proof-failed', what, { facts: { backup, level, differences } })
}
