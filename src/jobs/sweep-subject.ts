// The sweep of one subject, under its lease: manifests first, then what is said of them, then the chunks that nothing names.
import { asFailure, Failure } from '../domain/errors.js'
import type { BackupId } from '../domain/ids.js'
import type { SubjectId } from '../domain/subject.js'
import { type ChunkReport, type StoredChunk, sweepChunks } from '../repository/sweep-chunks.js'
import { sweepRecords } from '../repository/sweep-records.js'
import type { Decision } from '../retention/copy.js'
import { archivesPrefix, leaseKey, manifestKey } from '../store/keys.js'
import type { JobContext, Parts } from './parts.js'
import { planSubject, type SubjectPlan, type SweepRules } from './plan-subject.js'
import { type ConfirmLease, withSubjectLease } from './subject-lease.js'

export interface SweptSubject {
  subject: SubjectId
  removed: BackupId[]
  /** Null when no chunk may be deleted. */
  chunks: ChunkReport | null
  /** Backups and chunks that a bucket lock holds. */
  locked: number
}

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
    const unreadable = plan.protectedBecause
    await removeRecords(parts, plan, unreadable === null, context)
    await abortUploads(parts, subject, context)
    if (unreadable !== null) {
      context.emit({ type: 'chunks-protected', subject, facts: { reason: unreadable } })
      return { subject, removed, chunks: null, locked: locked.length }
    }
    const chunks = await removeChunks(parts, plan, rules, context, confirm)
    const held = [...locked, ...chunks.locked]
    const [first] = held
    if (first) context.emit({ type: 'removal-locked', subject, facts: { count: held.length, first } })
    return { subject, removed, chunks, locked: held.length }
  })
}

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
): Promise<{ removed: BackupId[]; locked: string[] }> {
  const { subject, references, standing } = plan
  const removed: BackupId[] = []
  const locked: string[] = []
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
      locked.push(manifestKey(name))
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
  decisions.filter(({ verdict }) => verdict === 'remove').reverse()

const removalFacts = ({ copy, reasons }: Decision) => ({
  backup: copy.id as BackupId,
  kind: copy.kind,
  instant: copy.instant.toISOString(),
  reasons: reasons.map(({ why, detail }) => `${why}: ${detail}`),
})

async function removeRecords(
  { repository }: Parts,
  { key, standing, references }: SubjectPlan,
  chunksKnown: boolean,
  { signal }: JobContext,
): Promise<void> {
  if (standing.names.length === 0) return
  const backups = new Set(standing.names.map(name => name.backup).filter(backup => references.holds(backup)))
  for (const [backup, { kind }] of standing.broken) if (kind === 'unreadable') backups.add(backup)
  await sweepRecords(
    repository.store,
    key,
    { backups, references: chunksKnown ? references : null },
    { signal },
  )
}

/** Half archives of runs that died: whoever makes one holds the subject's lease, and that is us. */
async function abortUploads({ repository }: Parts, subject: SubjectId, context: JobContext): Promise<void> {
  const { store } = repository
  const { signal } = context
  try {
    for await (const upload of store.uploads(archivesPrefix(subject), { signal })) {
      await store.abortUpload(upload, { signal })
      const facts = { key: upload.key, upload: upload.id, outcome: 'aborted' } as const
      context.emit({ type: 'upload-ended', subject, facts })
    }
  } catch (thrown) {
    // A store that cannot list them: the next archive aborts those that the journal knows, and R2 drops them after a week.
    if (asFailure(thrown).code !== 'store-refused') throw thrown
  }
}

async function removeChunks(
  parts: Parts,
  { subject, key, references }: SubjectPlan,
  { policy }: SweepRules,
  context: JobContext,
  confirm: ConfirmLease,
): Promise<ChunkReport> {
  const { store, transfers } = parts.repository
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
  chunks: chunks.map(({ id }) => id),
})
