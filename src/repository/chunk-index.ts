// Which chunks a subject has in the store, and how long each is as stored: 36 bytes a chunk, shared between threads.
import type { ChunkId } from '../domain/ids.js'

const ID_BYTES = 32

/** The plain data of an index: safe to hand to another thread, which sees the same memory. */
export interface ChunkIndexData {
  /** Ids of 32 bytes each, ascending. */
  ids: SharedArrayBuffer
  /** Stored length of each, in the same order. */
  sizes: SharedArrayBuffer
}

export class ChunkIndex {
  readonly data: ChunkIndexData
  readonly #ids: Uint8Array
  readonly #sizes: Uint32Array
  readonly #added = new Map<ChunkId, number>()

  constructor(data: ChunkIndexData) {
    this.data = data
    this.#ids = new Uint8Array(data.ids)
    this.#sizes = new Uint32Array(data.sizes)
  }

  /** @param sorted ids ascending, as a listing of the store gives them. */
  static from(sorted: readonly { id: ChunkId; storedBytes: number }[]): ChunkIndex {
    const builder = new ChunkIndexBuilder()
    for (const one of sorted) builder.add(one)
    return builder.build()
  }

  /** Stored length in bytes, or null for a chunk the store does not have. */
  storedBytes(id: ChunkId): number | null {
    const added = this.#added.get(id)
    if (added !== undefined) return added
    const at = this.#find(Buffer.from(id, 'hex'))
    return at < 0 ? null : (this.#sizes[at] ?? null)
  }

  has(id: ChunkId): boolean {
    return this.#added.has(id) || this.#find(Buffer.from(id, 'hex')) >= 0
  }

  /** Notes a chunk that was put since the listing. */
  add(id: ChunkId, storedBytes: number): void {
    this.#added.set(id, storedBytes)
  }

  /** How many the listing had. */
  get listed(): number {
    return this.#sizes.length
  }

  /** Where a chunk stands among those listed, by ascending id; -1 when it is not there. */
  placeOf(id: ChunkId): number {
    return this.#find(Buffer.from(id, 'hex'))
  }

  /** The id and stored length at a place. */
  at(place: number): { id: ChunkId; storedBytes: number } {
    const id = Buffer.from(this.#ids.subarray(place * ID_BYTES, (place + 1) * ID_BYTES)).toString('hex')
    return { id: id as ChunkId, storedBytes: this.storedBytesAt(place) }
  }

  storedBytesAt(place: number): number {
    return this.#sizes[place] ?? 0
  }

  get size(): number {
    return this.#sizes.length + this.#added.size
  }

  #find(wanted: Buffer): number {
    let low = 0
    let high = this.#sizes.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const start = middle * ID_BYTES
      const order = wanted.compare(this.#ids, start, start + ID_BYTES)
      if (order === 0) return middle
      // Buffer.compare(target): positive when the target sorts before what it is called on.
      if (order > 0) low = middle + 1
      else high = middle - 1
    }
    return -1
  }
}

/** Takes the items of a listing as they come, ascending, so that a million of them are never objects at once. */
export class ChunkIndexBuilder {
  #ids = new Uint8Array(1024 * ID_BYTES)
  #sizes = new Uint32Array(1024)
  #count = 0

  add({ id, storedBytes }: { id: ChunkId; storedBytes: number }): void {
    if (this.#count === this.#sizes.length) this.#grow()
    this.#ids.set(Buffer.from(id, 'hex'), this.#count * ID_BYTES)
    this.#sizes[this.#count] = storedBytes
    this.#count += 1
  }

  build(): ChunkIndex {
    const ids = new SharedArrayBuffer(this.#count * ID_BYTES)
    const sizes = new SharedArrayBuffer(this.#count * 4)
    new Uint8Array(ids).set(this.#ids.subarray(0, this.#count * ID_BYTES))
    new Uint32Array(sizes).set(this.#sizes.subarray(0, this.#count))
    return new ChunkIndex({ ids, sizes })
  }

  #grow(): void {
    const [ids, sizes] = [this.#ids, this.#sizes]
    this.#ids = new Uint8Array(ids.length * 2)
    this.#ids.set(ids)
    this.#sizes = new Uint32Array(sizes.length * 2)
    this.#sizes.set(sizes)
  }
}
