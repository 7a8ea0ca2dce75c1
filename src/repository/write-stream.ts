// Stores one stream as chunks: cut, compress, encrypt, put what the store does not have yet.
import PQueue from 'p-queue'
import type { ChunkId } from '../domain/ids.js'
import type { Manifest, ManifestChunk } from '../domain/manifest.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { chunkKey } from '../store/keys.js'
import { Arena, type Stretch } from '../sys/arena.js'
import { expectManyListeners } from '../sys/interruption.js'
import type { Damage } from './damage.js'
import type { CutChunk, Intake, IntakeResult } from './intake.js'
import { type KnownChunks, knownChunks } from './known-chunks.js'
import type { Repository } from './repository.js'
import { heldByLock, type Settled, settleDamage } from './settle-damage.js'
import { giveMemoryBack, takeMemory } from './stream-memory.js'
import type { NeededChunk } from './verify-chunk.js'

export interface StreamProgress {
  bytes: number
  newBytes: number
  reusedBytes: number
}

export interface WriteOptions {
  /** URL of a built module whose createObserver() watches the stream; null for none. */
  observer: string | null
  signal: AbortSignal
  onProgress?(progress: StreamProgress): void
  /** Called with each stored object that was found damaged or gone on the way. */
  onDamage?(damage: Damage): void
}

export interface WrittenStream extends IntakeResult, Settled {
  chunks: ManifestChunk[]
  stored: Manifest['stored']
}

/**
 * Stores the stream that is written into `intake`, and closes it. When this resolves every chunk named in the result is in the store; once it has settled,
 * one way or the other, nothing more is written.
 * @throws Failure of the observer, the store or the source; chunks stored so far stay and are found by the next try.
 */
export async function writeStream(
  repository: Repository,
  key: TenantKey,
  intake: Intake,
  options: WriteOptions,
): Promise<WrittenStream> {
  expectManyListeners(options.signal)
  try {
    const { signal, onDamage } = options
    const known = await knownChunks(repository.store, key, {
      signal,
      ...(onDamage ? { tell: onDamage } : {}),
    })
    return await writeUnknown(repository, key, intake, known, options)
  } finally {
    // Whatever broke, nobody reads any more: a child would wait for ever to be rid of its output.
    await intake.close()
  }
}

async function writeUnknown(
  repository: Repository,
  key: TenantKey,
  intake: Intake,
  known: KnownChunks,
  options: WriteOptions,
): Promise<WrittenStream> {
  const memory = takeMemory()
  const writer = new ChunkWriter(repository, key, known, options, memory.sealed)
  try {
    const result = await intake.take({
      cutting: {
        parameters: repository.cutter,
        chunkIdKey: key.chunkIdKey,
        known: known.whole,
        memory: memory.raw,
      },
      observer: options.observer,
      onChunk: chunk => writer.write(chunk),
      onBytes: bytes => writer.progressed(bytes),
      signal: AbortSignal.any([options.signal, writer.broken]),
    })
    await writer.finished()
    const settled = await settleDamage(repository, key, known, writer.mended, options.signal)
    return { ...result, ...settled, chunks: writer.chunks, stored: writer.stored }
  } finally {
    await writer.stop()
    giveMemoryBack(memory)
  }
}

class ChunkWriter {
  readonly chunks: ManifestChunk[] = []
  /** Chunks that were marked or suspected, and were put. */
  readonly mended = new Map<ChunkId, NeededChunk>()
  readonly stored = { newBytes: 0, newStoredBytes: 0, reusedBytes: 0, newChunks: 0, reusedChunks: 0 }
  readonly #repository: Repository
  readonly #key: TenantKey
  readonly #known: KnownChunks
  readonly #options: WriteOptions
  readonly #puts: PQueue
  readonly #arena: Arena
  readonly #sealing = new Set<Promise<Uint8Array>>()
  readonly #fresh = new Map<string, ManifestChunk[]>()
  readonly #broken = new AbortController()
  #stopped = false
  #bytes = 0

  constructor(
    repository: Repository,
    key: TenantKey,
    known: KnownChunks,
    options: WriteOptions,
    memory: SharedArrayBuffer,
  ) {
    this.#arena = new Arena(memory)
    this.#repository = repository
    this.#key = key
    this.#known = known
    this.#options = options
    this.#puts = new PQueue({ concurrency: repository.transfers })
  }

  /** Fires when a put has failed, with what it raised: the rest of the stream need not come. */
  get broken(): AbortSignal {
    return this.#broken.signal
  }

  /** Resolves when the chunk's plaintext is no longer in memory and there is room for its sealed form. */
  async write(chunk: CutChunk): Promise<void> {
    const entry: ManifestChunk = { id: chunk.id, bytes: chunk.bytes, storedBytes: 0 }
    this.chunks.push(entry)
    if (!chunk.raw) {
      this.#reuse(entry)
      return
    }
    this.#fresh.set(chunk.id, [entry])
    this.stored.newChunks += 1
    this.stored.newBytes += chunk.bytes
    const { seals, compressionLevel } = this.#repository
    const room = this.#arena.take(chunk.bytes)
    const sealing = seals.seal(
      { raw: chunk.raw, level: compressionLevel, recipient: this.#key.recipient, room },
      this.#options.signal,
    )
    this.#sealing.add(sealing)
    const sealed = await sealing.finally(() => this.#sealing.delete(sealing))
    for (const same of this.#fresh.get(chunk.id) ?? []) same.storedBytes = sealed.length
    this.stored.newStoredBytes += sealed.length
    this.#known.whole.add(chunk.id, sealed.length)
    this.#fresh.delete(chunk.id)
    await this.#puts.onSizeLessThan(this.#repository.transfers)
    this.#put(chunk, sealed, room)
  }

  progressed(bytes: number): void {
    this.#bytes += bytes
    const { newBytes, reusedBytes } = this.stored
    this.#options.onProgress?.({ bytes: this.#bytes, newBytes, reusedBytes })
  }

  /** Resolves when every put has. @throws what the first put to fail raised. */
  async finished(): Promise<void> {
    await this.#puts.onIdle()
    this.broken.throwIfAborted()
  }

  /** Resolves when nothing of this stream is being sealed or on its way to the store any more, nor will be. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#puts.clear()
    await Promise.allSettled([...this.#sealing, this.#puts.onIdle()])
  }

  #reuse(entry: ManifestChunk): void {
    const pending = this.#fresh.get(entry.id)
    // The same piece twice in one stream: its sealed length is known once the first is sealed.
    if (pending) pending.push(entry)
    else entry.storedBytes = this.#known.whole.storedBytes(entry.id) ?? 0
    this.stored.reusedChunks += 1
    this.stored.reusedBytes += entry.bytes
  }

  #put(chunk: CutChunk, sealed: Uint8Array, room: Stretch | null): void {
    // A chunk that was being sealed when the stream broke.
    if (this.#stopped || this.broken.aborted) return
    const { store } = this.#repository
    const { signal } = this.#options
    const { id, bytes } = chunk
    const damaged = this.#known.marked.has(id) || this.#known.suspects.has(id)
    if (damaged) this.mended.set(id, { id, bytes, storedBytes: sealed.length })
    void this.#puts.add(async () => {
      try {
        const durable = damaged ? 'now' : 'later'
        await store.put(chunkKey(this.#key.subject, id), sealed, { durable, signal })
        if (room) this.#arena.give(room)
      } catch (reason) {
        // In here, since the queue goes on as soon as this has ended: none of those that wait is worth its tries any more.
        this.#broken.abort((damaged && heldByLock(reason, this.#key, id)) || reason)
        this.#puts.clear()
      }
    })
  }
}
