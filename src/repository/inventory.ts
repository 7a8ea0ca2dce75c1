// What a subject has in the store beside what its backups need: one listing of the chunks, and every manifest held against it.
// 41 bytes a chunk are kept, however many backups name it.
import { Failure } from '../domain/errors.js'
import type { BackupId, ChunkId } from '../domain/ids.js'
import type { Manifest } from '../domain/manifest.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { chunksPrefix, manifestKey, parseChunkKey } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { type ChunkIndex, ChunkIndexBuilder } from './chunk-index.js'
import { openManifests } from './open-manifests.js'
import { unusable } from './unusable.js'
import type { NeededChunk, StoredChunk } from './verify-chunk.js'

export interface UnusableManifest {
  backup: BackupId
  key: string
  failure: Failure
}

/** Which chunks are there, and which are needed. */
export class Inventory {
  readonly unreadable: UnusableManifest[] = []
  backups = 0
  readonly #there: ChunkIndex
  /** Plain bytes of each chunk listed; 0 while no backup needs it. */
  readonly #plainBytes: Uint32Array
  /** 1 when a manifest has recorded the length that was listed. */
  readonly #agreed: Uint8Array
  readonly #missing = new Map<ChunkId, number>()

  constructor(there: ChunkIndex) {
    this.#there = there
    this.#plainBytes = new Uint32Array(there.listed)
    this.#agreed = new Uint8Array(there.listed)
  }

  take({ chunks }: Pick<Manifest, 'chunks'>): void {
    this.backups += 1
    for (const { id, bytes, storedBytes } of chunks) {
      const place = this.#there.placeOf(id)
      if (place < 0) {
        this.#missing.set(id, bytes)
        continue
      }
      this.#plainBytes[place] = bytes
      if (this.#there.storedBytesAt(place) === storedBytes) this.#agreed[place] = 1
    }
  }

  /** Every chunk that is there, by ascending id: one that no backup needs may be what the next dump relies on. */
  *stored(): Generator<StoredChunk> {
    for (let place = 0; place < this.#plainBytes.length; place++) {
      yield this.#stored(place)
    }
  }

  /** The chunks that are needed and there, by ascending id. */
  *needed(): Generator<NeededChunk> {
    for (let place = 0; place < this.#plainBytes.length; place++) {
      if (this.#plainBytes[place]) yield this.#at(place)
    }
  }

  /**
   * What a listing can show: chunks that are not there, and chunks of a length that no backup has recorded. Only reading one
   * tells: it may have been stored since the listing, or stored anew by a run that wrote no manifest.
   */
  *suspects(): Generator<NeededChunk> {
    for (const [id, bytes] of this.#missing) yield { id, bytes, storedBytes: null }
    for (let place = 0; place < this.#plainBytes.length; place++) {
      if (this.#plainBytes[place] && !this.#agreed[place]) yield this.#at(place)
    }
  }

  /** The chunk when a backup needs it, or when it is there; null otherwise. */
  find(id: ChunkId): StoredChunk | null {
    const bytes = this.#missing.get(id)
    if (bytes !== undefined) return { id, bytes, storedBytes: null }
    const place = this.#there.placeOf(id)
    return place < 0 ? null : this.#stored(place)
  }

  /** False when it is certain that no backup needs the chunk: a manifest that cannot be opened may name any. */
  mayNeed(id: ChunkId): boolean {
    return this.unreadable.length > 0 || this.#missing.has(id) || (this.find(id)?.bytes ?? null) !== null
  }

  /** How many chunks are needed, and their bytes as stored, as far as they are there. */
  totals(): { chunks: number; storedBytes: number } {
    const totals = { chunks: this.#missing.size, storedBytes: 0 }
    for (const { storedBytes } of this.needed()) {
      totals.chunks += 1
      totals.storedBytes += storedBytes ?? 0
    }
    return totals
  }

  #stored(place: number): StoredChunk {
    return { ...this.#there.at(place), bytes: this.#plainBytes[place] || null }
  }

  #at(place: number): NeededChunk {
    return { ...this.#there.at(place), bytes: this.#plainBytes[place] ?? 0 }
  }
}

/**
 * Lists the chunks, then opens the manifests. A manifest that goes away between its listing and its opening is a backup
 * that was removed meanwhile: it needs nothing.
 * @throws Failure store-* when the store cannot be read to the end: there is no partial inventory.
 */
export async function takeInventory(
  store: Store,
  key: TenantKey,
  options: { signal: AbortSignal; transfers: number },
): Promise<Inventory> {
  const { subject } = key
  const found = new ChunkIndexBuilder()
  for await (const { key: where, bytes } of store.list(chunksPrefix(subject), { signal: options.signal })) {
    const id = parseChunkKey(subject, where)
    if (id) found.add({ id, storedBytes: bytes })
  }
  const inventory = new Inventory(found.build())
  for await (const { name, opened } of openManifests(store, key, options)) {
    if (!(opened instanceof Failure)) inventory.take(opened)
    else if (unusable(opened).code !== 'object-missing') {
      inventory.unreadable.push({ backup: name.backup, key: manifestKey(name), failure: opened })
    }
  }
  return inventory
}
