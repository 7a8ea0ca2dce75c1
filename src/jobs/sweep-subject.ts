// The sweep of one subject, under its lease: manifests first, then what is said of them, then the chunks that nothing names.
import { asFailure, Failure } from '../domain/errors.js'
import type { BackupId, ChunkId } from '../domain/ids.js'
import type { SubjectId } from '../domain/subject.js'
import {
  type ChunkReport,
  type StoredChunk,
  type SweptChunks,
  sweepChunks,
} from '../repository/sweep-chunks.js'
import { sweepRecords } from '../repository/sweep-records.js'
import { type Decision, reasonsToGo } from '../retention/copy.js'
import { chunkKey, leaseKey, type ManifestName, manifestKey } from '../store/keys.js'
import type { JobContext, Parts } from './parts.js'
import { planSubject, type SubjectPlan, type SweepRules } from './plan-subject.js'
import { type ConfirmLease, withSubjectLease } from './subject-lease.js'
import { sweepUploads } from './sweep-uploads.js'

export interface SweptSubject {
  subject: SubjectId
  removed: BackupId[]
  /** Null when no chunk may be deleted. */
  chunks: ChunkReport | null
  /** Backups and chunks that a bucket lock holds. */
  locked: number
}

/** As whole ids, what was removed would be most of the journal. */
const TOLD_DIGITS = 12
/** Our clock and the store's may differ by this much. Rules count in hours and days. */
const CLOCKS_APART_MS = 3_600_000

/**
 * Removes what the plan, made anew under the lease, and the printed plan both say.
 * @param printed the backups that the printed plan removes.
 * @throws Failure subject-busy while another run works on the subject; clock-doubtful; store-*; lease-lost.
 */
export function sweepSubject(
  parts: Parts,
  subject: SubjectId,
  rules: SweepRules,
  printed: ReadonlySet<BackupId>,
  outer: JobContext,
): Promise<SweptSubject> {
  return withSubjectLease(parts, subject, outer, async (context, confirm) => {
    await assertClocksAgree(parts, subject)
    const plan = await planSubject(parts, subject, rules, { open: true, signal: context.signal })
    const { removed, locked } = await removeBackups(parts, plan, printed, context, confirm)
    await sweepUploads(parts, subject, context)
    const swept = await removeChunks(parts, plan, rules, context, confirm)
    await removeRecords(parts, plan, swept?.unnamed ?? null, context)
    const held = [...locked.map(manifestKey), ...(swept?.locked ?? []).map(id => chunkKey(subject, id))]
    tellLocked(subject, held, locked, context)
    return { subject, removed, chunks: swept && reportOf(swept), locked: held.length }
  })
}

/** What the plan of the days to come says of locks is what is told here. */
function tellLocked(
  subject: SubjectId,
  held: readonly string[],
  backups: readonly ManifestName[],
  context: JobContext,
): void {
  const [first] = held
  if (!first) return
  const facts = { count: held.length, first, backups: backups.map(name => name.backup) }
  context.emit({ type: 'removal-locked', subject, facts })
}

const reportOf = ({ unnamed: _, ...report }: SweptChunks): ChunkReport => report

/** By the store's clock: the lease was written a moment ago, and is renewed all the time. */
async function storeNow({ repository }: Parts, subject: SubjectId): Promise<Date> {
  const lease = await repository.store.head(leaseKey(subject))
  if (!lease) throw new Failure('lease-lost', `${leaseKey(subject)} was deleted while it was held`)
  return lease.modifiedAt
}

async function assertClocksAgree(parts: Parts, subject: SubjectId): Promise<void> {
  const theirs = await storeNow(parts, subject)
  const ours = parts.clock.now()
  if (Math.abs(ours.getTime() - theirs.getTime()) <= CLOCKS_APART_MS) return
  throw new Failure(
    'clock-doubtful',
    `this machine says ${ours.toISOString()}, the store says ${theirs.toISOString()}`,
  )
}

async function removeBackups(
  { repository, catalogue }: Parts,
  plan: SubjectPlan,
  printed: ReadonlySet<BackupId>,
  context: JobContext,
  confirm: ConfirmLease,
): Promise<{ removed: BackupId[]; locked: ManifestName[] }> {
  const { subject, references, standing } = plan
  const removed: BackupId[] = []
  const locked: ManifestName[] = []
  for (const decision of oldestFirst(plan)) {
    const name = standing.names.find(one => one.backup === decision.copy.id)
    if (!name || !printed.has(name.backup)) continue
    context.signal.throwIfAborted()
    context.emit({ type: 'backup-removal', subject, facts: removalFacts(decision) })
    confirm()
    try {
      await repository.store.delete(manifestKey(name), { signal: context.signal })
    } catch (thrown) {
      if (asFailure(thrown).code !== 'store-locked') throw thrown
      locked.push(name)
      continue
    }
    references.drop(name.backup)
    catalogue.remove(manifestKey(name))
    removed.push(name.backup)
  }
  return { removed, locked }
}

/** Whatever stops a sweep half-way, what is left is the newer part. */
const oldestFirst = ({ decisions }: SubjectPlan): Decision[] =>
  decisions.filter(one => reasonsToGo(one) !== null).reverse()

const removalFacts = (decision: Decision) => ({
  backup: decision.copy.id as BackupId,
  kind: decision.copy.kind,
  instant: decision.copy.instant.toISOString(),
  reasons: (reasonsToGo(decision) ?? []).map(({ why, detail }) => `${why}: ${detail}`),
})

/** @param unnamed chunks that are there though no backup names them; null when nobody knows. */
async function removeRecords(
  { repository }: Parts,
  { subject, key, standing, references }: SubjectPlan,
  unnamed: ReadonlySet<ChunkId> | null,
  context: JobContext,
): Promise<void> {
  if (standing.names.length === 0) return
  const backups = new Set(standing.names.map(name => name.backup).filter(backup => references.holds(backup)))
  for (const [backup, { kind }] of standing.broken) if (kind === 'unreadable') backups.add(backup)
  const chunks = unnamed && { named: references, unnamed }
  const keys = await sweepRecords(repository.store, key, { backups, chunks }, context)
  const reason = 'it tells of a backup or a chunk that is gone'
  if (keys.length > 0) context.emit({ type: 'leftovers-removed', subject, facts: { reason, keys } })
}

/** @returns null when no chunk may be deleted. */
async function removeChunks(
  parts: Parts,
  { subject, key, references, protectedBecause }: SubjectPlan,
  { policy }: SweepRules,
  context: JobContext,
  confirm: ConfirmLease,
): Promise<SweptChunks | null> {
  const { store, transfers } = parts.repository
  if (protectedBecause !== null) {
    context.emit({ type: 'chunks-protected', subject, facts: { reason: protectedBecause } })
    return null
  }
  return sweepChunks(store, key, {
    references,
    now: await storeNow(parts, subject),
    graceMs: policy.graceMs,
    transfers,
    signal: context.signal,
    confirm,
    onRemoval: chunks => context.emit({ type: 'chunk-removal', subject, facts: chunkFacts(chunks) }),
  })
}

const chunkFacts = (chunks: readonly StoredChunk[]) => ({
  reason: 'no backup names them, and none did when they were found so',
  count: chunks.length,
  storedBytes: chunks.reduce((sum, { bytes }) => sum + bytes, 0),
  chunks: chunks.map(({ id }) => id.slice(0, TOLD_DIGITS)),
})
