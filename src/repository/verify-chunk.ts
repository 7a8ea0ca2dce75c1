// One chunk, fetched, opened and compared with its id; and many of them, some at once. A verdict is only about the object:
// a store that cannot be read gives none.
import PQueue from 'p-queue'
import { asFailure, Failure } from '../domain/errors.js'
import type { ChunkId } from '../domain/ids.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { chunkKey } from '../store/keys.js'
import { expectManyListeners } from '../sys/interruption.js'
import type { ChunkDamage } from './damage.js'
import type { Repository } from './repository.js'

export interface StoredChunk {
  id: ChunkId
  /** Of the plaintext; null when no backup names it, so that nobody knows. */
  bytes: number | null
  /** As listed; null when the listing has none. */
  storedBytes: number | null
}

export interface NeededChunk extends StoredChunk {
  bytes: number
}

/**
 * The plaintext of a chunk, compared with its id.
 * @throws Failure object-missing; object-corrupt, also when it was sealed for another key; store-*.
 */
export async function fetchChunk(
  { store, seals }: Pick<Repository, 'store' | 'seals'>,
  key: TenantKey,
  { id, bytes }: Pick<StoredChunk, 'id' | 'bytes'>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { body } = await store.get(chunkKey(key.subject, id), { signal })
  const { identity, chunkIdKey } = key
  return seals
    .unseal({ file: body, identity, chunkIdKey, id, bytes }, signal)
    .catch(cause => Promise.reject(notOurs(cause)))
}

/** The subject's own key is at hand, so a chunk that it does not open is not the subject's. */
function notOurs(cause: unknown): unknown {
  return cause instanceof Failure && cause.code === 'key-wrong'
    ? new Failure('object-corrupt', 'it was not sealed for this key', { cause })
    : cause
}

/**
 * Null when the chunk is whole. What does not open is fetched once more before it is called damaged: a bit that turned on
 * the way here, or in this machine's memory, says nothing about the store.
 * @throws Failure store-* and whatever else is not about this one object.
 */
async function verifyChunk(
  repository: Pick<Repository, 'store' | 'seals'>,
  key: TenantKey,
  chunk: StoredChunk,
  signal: AbortSignal,
): Promise<ChunkDamage | null> {
  const first = await look(repository, key, chunk, signal)
  return first && (await look(repository, key, chunk, signal))
}

async function look(
  repository: Pick<Repository, 'store' | 'seals'>,
  key: TenantKey,
  chunk: StoredChunk,
  signal: AbortSignal,
): Promise<ChunkDamage | null> {
  try {
    await fetchChunk(repository, key, chunk, signal)
    return null
  } catch (thrown) {
    const { code, message } = asFailure(thrown)
    const about = { chunk: chunk.id, key: chunkKey(key.subject, chunk.id) }
    if (code === 'object-missing') return { ...about, kind: 'missing', message: 'it is gone' }
    if (code === 'object-corrupt') return { ...about, kind: 'corrupt', message }
    throw thrown
  }
}

/**
 * Reads the chunks back, `repository.transfers` at once, drawing from `chunks` only as fast as it reads.
 * @returns the damaged ones. @throws Failure as verifyChunk; nothing is on its way any more then.
 */
export async function verifyChunks<T extends StoredChunk>(
  repository: Pick<Repository, 'store' | 'seals' | 'transfers'>,
  key: TenantKey,
  chunks: Iterable<T>,
  options: { signal: AbortSignal; onSound?(chunk: T): void },
): Promise<ChunkDamage[]> {
  const broken = new AbortController()
  const signal = AbortSignal.any([options.signal, broken.signal])
  expectManyListeners(signal)
  const queue = new PQueue({ concurrency: repository.transfers })
  const damaged: ChunkDamage[] = []
  const one = async (chunk: T): Promise<void> => {
    const damage = await verifyChunk(repository, key, chunk, signal)
    if (damage) damaged.push(damage)
    else options.onSound?.(chunk)
  }
  for (const chunk of chunks) {
    await queue.onSizeLessThan(1)
    if (signal.aborted) break
    queue.add(() => one(chunk)).catch(reason => broken.abort(reason))
  }
  await queue.onIdle()
  signal.throwIfAborted()
  return damaged
}
