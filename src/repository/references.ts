// Which chunks the manifests of one subject name, and what would be free without some of them. A thousand chunks of four
// hundred manifests are mostly the same ones, so each is held once and manifests hold numbers.
import type { BackupId, ChunkId } from '../domain/ids.js'
import type { ManifestChunk } from '../domain/manifest.js'

export class References {
  readonly #numbers = new Map<ChunkId, number>()
  readonly #storedBytes: number[] = []
  /** How many manifests name it. */
  readonly #uses: number[] = []
  /** The last manifest, counted from 1, that named it: one that names it twice counts once. */
  readonly #seenIn: number[] = []
  #manifests = 0
  readonly #named = new Map<BackupId, Uint32Array>()

  /** Notes what a manifest names. */
  add(backup: BackupId, chunks: readonly ManifestChunk[]): void {
    this.#manifests += 1
    const numbers = new Uint32Array(chunks.length)
    let length = 0
    for (const chunk of chunks) {
      const number = this.#numberOf(chunk)
      if (this.#seenIn[number] === this.#manifests) continue
      this.#seenIn[number] = this.#manifests
      this.#uses[number] = (this.#uses[number] ?? 0) + 1
      numbers[length++] = number
    }
    this.#named.set(backup, numbers.slice(0, length))
  }

  /** Forgets a manifest that is gone. */
  drop(backup: BackupId): void {
    for (const number of this.#named.get(backup) ?? []) this.#uses[number] = (this.#uses[number] ?? 1) - 1
    this.#named.delete(backup)
  }

  /** True for a manifest that was noted and not dropped. */
  holds(backup: BackupId): boolean {
    return this.#named.has(backup)
  }

  /** True when a manifest that was not dropped names the chunk. */
  names(id: ChunkId): boolean {
    const number = this.#numbers.get(id)
    return number !== undefined && (this.#uses[number] ?? 0) > 0
  }

  /** Stored bytes of the chunks that only these backups name. */
  bytesOnlyIn(backups: Iterable<BackupId>): number {
    const uses = new Map<number, number>()
    for (const backup of backups) {
      for (const number of this.#named.get(backup) ?? []) uses.set(number, (uses.get(number) ?? 0) + 1)
    }
    let bytes = 0
    for (const [number, count] of uses) {
      if (count === this.#uses[number]) bytes += this.#storedBytes[number] ?? 0
    }
    return bytes
  }

  #numberOf({ id, storedBytes }: ManifestChunk): number {
    const known = this.#numbers.get(id)
    if (known !== undefined) return known
    const number = this.#storedBytes.length
    this.#numbers.set(id, number)
    this.#storedBytes.push(storedBytes)
    this.#uses.push(0)
    this.#seenIn.push(0)
    return number
  }
}
