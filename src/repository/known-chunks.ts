// What the store has of a subject: one listing, held against what the newest backup says was stored.
// An object that is shorter or longer than it was is not "already there": it is stored anew, and told. Nor is one that waits to
// be deleted: should a sweep that lost its lease still be at it, what is stored anew is young, and no later sweep takes it.
import { asFailure, type ErrorCode } from '../domain/errors.js'
import type { ChunkId } from '../domain/ids.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { chunkKey, chunksPrefix, manifestKey, parseChunkKey } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { ChunkIndex } from './chunk-index.js'
import { listManifests, readManifest } from './manifests.js'
import { readWaiting } from './waiting-chunks.js'

/** An object of a subject that is not what was stored. */
export interface Damage {
  key: string
  message: string
}

/** An age file with one recipient and an empty plaintext; a chunk is never shorter. */
export const SMALLEST_CHUNK_BYTES = 200
/** So many manifests are tried before a listing is believed as it is. */
const MANIFESTS_TRIED = 3
/** What says that this one manifest is of no use, and nothing about the store as a whole. */
const UNUSABLE: readonly ErrorCode[] = [
  'object-missing',
  'object-corrupt',
  'manifest-invalid',
  'format-unknown',
]

/**
 * Which chunks need not be stored again, asked of the store and never of a cache.
 * @param tell called with each object that is damaged or gone, as far as a listing can show it.
 */
export async function knownChunks(
  store: Store,
  key: TenantKey,
  options: { signal: AbortSignal; tell?(damage: Damage): void },
): Promise<ChunkIndex> {
  const { subject } = key
  const { signal, tell } = options
  const promised = await promisedBytes(store, key, options)
  const waiting = await readWaiting(store, key, { signal })
  const found: { id: ChunkId; storedBytes: number }[] = []
  for await (const { key: where, bytes } of store.list(chunksPrefix(subject), { signal })) {
    const id = parseChunkKey(subject, where)
    if (!id) continue
    const wanted = promised.get(id)
    promised.delete(id)
    if (waiting.since.has(id)) continue
    if (wanted === undefined ? bytes >= SMALLEST_CHUNK_BYTES : bytes === wanted) {
      found.push({ id, storedBytes: bytes })
    } else {
      tell?.({ key: where, message: `${bytes} bytes, where ${wanted ?? 'a whole chunk'} were stored` })
    }
  }
  for (const id of promised.keys()) {
    tell?.({ key: chunkKey(subject, id), message: 'gone, though the newest backup needs it' })
  }
  return ChunkIndex.from(found)
}

/** The stored length of each chunk of the newest backup that can be read. */
async function promisedBytes(
  store: Store,
  key: TenantKey,
  { signal, tell }: { signal: AbortSignal; tell?(damage: Damage): void },
): Promise<Map<ChunkId, number>> {
  const names = await listManifests(store, key.subject, { signal })
  for (const name of names.slice(0, MANIFESTS_TRIED)) {
    try {
      const { chunks } = await readManifest(store, key, name, { signal })
      return new Map(chunks.map(({ id, storedBytes }) => [id, storedBytes]))
    } catch (thrown) {
      const { code, message } = asFailure(thrown)
      if (!UNUSABLE.includes(code)) throw thrown
      tell?.({ key: manifestKey(name), message })
    }
  }
  return new Map()
}
