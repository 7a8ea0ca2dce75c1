// Deletes the chunks of a subject that no manifest names: those that were found so by an earlier sweep, and were written,
// at least the grace ago. What is found now only begins to wait. Both ages are by the store's clock, never by ours.
import PQueue from 'p-queue'
import { asFailure } from '../domain/errors.js'
import type { ChunkId } from '../domain/ids.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { chunkKey, chunksPrefix, parseChunkKey } from '../store/keys.js'
import type { Store } from '../store/port.js'
import type { References } from './references.js'
import { readWaiting, replaceWaiting } from './waiting-chunks.js'

export interface StoredChunk {
  id: ChunkId
  bytes: number
}

export interface ChunkSweep {
  /** Of every manifest in the store. */
  references: References
  /** By the store's clock, not later than it is. */
  now: Date
  graceMs: number
  /** Deletions sent at once. */
  transfers: number
  signal: AbortSignal
  /** Throws unless the subject's lease is held at this moment: called right before each deletion. */
  confirm(): void
  /** Told of chunks before they are deleted. */
  onRemoval(chunks: readonly StoredChunk[]): void
}

export interface ChunkReport {
  removed: number
  removedBytes: number
  /** Held by a bucket lock. */
  locked: ChunkId[]
  /** Those that no manifest names and that are still there. */
  waiting: number
  waitingBytes: number
}

export interface SweptChunks extends ChunkReport {
  /** Those that are still there. */
  unnamed: ReadonlySet<ChunkId>
}

/** So many are told of in one event. */
const BATCH = 500

/** @throws Failure store-* when the store cannot be listed to the end, before anything is deleted, or does not delete; lease-lost. */
export async function sweepChunks(store: Store, key: TenantKey, sweep: ChunkSweep): Promise<SweptChunks> {
  const { signal, now, graceMs } = sweep
  const unnamed = await listUnnamed(store, key, sweep)
  const before = await readWaiting(store, key, { signal })
  const since = new Map<ChunkId, number>()
  const due: StoredChunk[] = []
  const graceStart = now.getTime() - graceMs
  for (const { id, bytes, modifiedMs } of unnamed) {
    const found = before.since.get(id) ?? now.getTime()
    since.set(id, found)
    if (found <= graceStart && modifiedMs <= graceStart) due.push({ id, bytes })
  }
  const report = { removed: 0, removedBytes: 0, locked: [] as ChunkId[] }
  try {
    for (let at = 0; at < due.length; at += BATCH) {
      const batch = due.slice(at, at + BATCH)
      sweep.onRemoval(batch)
      await deleteAll(
        store,
        key,
        batch,
        sweep,
        chunk => {
          since.delete(chunk.id)
          report.removed += 1
          report.removedBytes += chunk.bytes
        },
        report.locked,
      )
    }
  } finally {
    // What was found must not wait anew because a later deletion failed.
    sweep.confirm()
    await replaceWaiting(store, key, { before, since, now }, { signal })
  }
  const waitingBytes = unnamed.reduce((sum, { id, bytes }) => sum + (since.has(id) ? bytes : 0), 0)
  return { ...report, waiting: since.size, waitingBytes, unnamed: new Set(since.keys()) }
}

async function listUnnamed(store: Store, { subject }: TenantKey, { references, signal }: ChunkSweep) {
  const unnamed: (StoredChunk & { modifiedMs: number })[] = []
  for await (const { key: where, bytes, modifiedAt } of store.list(chunksPrefix(subject), { signal })) {
    const id = parseChunkKey(subject, where)
    if (id && !references.names(id)) unnamed.push({ id, bytes, modifiedMs: modifiedAt.getTime() })
  }
  return unnamed
}

async function deleteAll(
  store: Store,
  { subject }: TenantKey,
  chunks: readonly StoredChunk[],
  { transfers, signal, confirm }: ChunkSweep,
  deleted: (chunk: StoredChunk) => void,
  locked: ChunkId[],
): Promise<void> {
  const queue = new PQueue({ concurrency: transfers })
  const failures: unknown[] = []
  const remove = async (chunk: StoredChunk): Promise<void> => {
    if (failures.length > 0) return
    try {
      signal.throwIfAborted()
      confirm()
      await store.delete(chunkKey(subject, chunk.id), { signal })
      deleted(chunk)
    } catch (thrown) {
      if (asFailure(thrown).code === 'store-locked') locked.push(chunk.id)
      else failures.push(thrown)
    }
  }
  await queue.addAll(chunks.map(chunk => () => remove(chunk)))
  if (failures.length > 0) throw failures[0]
}
