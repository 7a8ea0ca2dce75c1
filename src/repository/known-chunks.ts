// What the store has of a subject: one listing, held against what the newest backup says was stored.
// An object that is marked as damaged, or shorter or longer than it was, is not "already there": it is stored anew. Nor is one
// that waits to be deleted: should a sweep that lost its lease still be at it, what is stored anew is young, and no later sweep takes it.
import type { ChunkId } from '../domain/ids.js'
import type { DamageMark } from '../domain/records.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { chunkKey, chunksPrefix, manifestKey, parseChunkKey } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { type ChunkIndex, ChunkIndexBuilder } from './chunk-index.js'
import { type Damage, listMarked } from './damage.js'
import { listManifests, readManifest } from './manifests.js'
import { unusable } from './unusable.js'
import type { NeededChunk } from './verify-chunk.js'
import { readWaiting } from './waiting-chunks.js'

/** An age file with one recipient and an empty plaintext; a chunk is never shorter. */
const SMALLEST_CHUNK_BYTES = 200
/** So many manifests are tried before a listing is believed as it is. */
const MANIFESTS_TRIED = 3

export interface KnownChunks {
  /** These need not be stored again. */
  whole: ChunkIndex
  /** Marked before this listing. */
  marked: ReadonlySet<ChunkId>
  /** Chunks of the newest backup that this listing shows to be gone, or of another length than was stored. */
  suspects: ReadonlyMap<ChunkId, Suspect>
}

export type Suspect = NeededChunk & { kind: DamageMark['kind'] }

type Options = { signal: AbortSignal; tell?(damage: Damage): void }

/**
 * Which chunks need not be stored again, asked of the store and never of a cache.
 * @param tell called with each object that is damaged or gone, as far as a listing can show it, but for those marked before.
 */
export async function knownChunks(store: Store, key: TenantKey, options: Options): Promise<KnownChunks> {
  const { subject } = key
  const { signal, tell } = options
  // At once, but all of them before the listing: a chunk that is in it counts only when none of these says otherwise.
  const [marked, promised, waiting] = await Promise.all([
    listMarked(store, subject, { signal }),
    promisedChunks(store, key, options),
    readWaiting(store, key, { signal }),
  ])
  const found = new ChunkIndexBuilder()
  const suspects = new Map<ChunkId, Suspect>()
  for await (const { key: where, bytes } of store.list(chunksPrefix(subject), { toBeNamed: true, signal })) {
    const id = parseChunkKey(subject, where)
    if (!id) continue
    const wanted = promised.get(id)
    promised.delete(id)
    if (marked.has(id) || waiting.since.has(id)) continue
    if (wanted ? bytes === wanted.storedBytes : bytes >= SMALLEST_CHUNK_BYTES) {
      found.add({ id, storedBytes: bytes })
      continue
    }
    if (wanted) suspects.set(id, { ...wanted, kind: 'wrong-length' })
    const message = `${bytes} bytes, where ${wanted?.storedBytes ?? 'a whole chunk'} were stored`
    tell?.({ key: where, message })
  }
  for (const [id, wanted] of promised) {
    if (marked.has(id)) continue
    suspects.set(id, { ...wanted, kind: 'missing' })
    tell?.({ key: chunkKey(subject, id), message: 'gone, though the newest backup needs it' })
  }
  return { whole: found.build(), marked, suspects }
}

/** Each chunk of the newest backup that can be read. */
async function promisedChunks(
  store: Store,
  key: TenantKey,
  { signal, tell }: Options,
): Promise<Map<ChunkId, NeededChunk>> {
  const names = await listManifests(store, key.subject, { signal })
  for (const name of names.slice(0, MANIFESTS_TRIED)) {
    try {
      const { chunks } = await readManifest(store, key, name, { signal })
      return new Map(chunks.map(chunk => [chunk.id, chunk]))
    } catch (thrown) {
      const { message } = unusable(thrown)
      tell?.({ key: manifestKey(name), message })
    }
  }
  return new Map()
}
