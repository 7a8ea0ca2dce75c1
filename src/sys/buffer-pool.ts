// Large buffers that are used again, and that threads share instead of handing them on. Fresh ones cost a page fault for each
// 4 KB, and one that is handed on counts as growth of a heap: V8 then marks all of it for every dozen of them.

/** Sizes are multiples of this, so that one fits the next chunk as well. */
const STEP_BYTES = 256 * 1024

export class BufferPool {
  readonly #spareMaxBytes: number
  #spare: SharedArrayBuffer[] = []
  #spareBytes = 0

  /** @param spareMaxBytes what waits to be used again; more is left to be collected. */
  constructor(spareMaxBytes: number) {
    this.#spareMaxBytes = spareMaxBytes
  }

  /** A buffer of at least so many bytes, with anything in it. */
  take(bytes: number): SharedArrayBuffer {
    const wanted = Math.ceil(bytes / STEP_BYTES) * STEP_BYTES
    let best: SharedArrayBuffer | null = null
    for (const one of this.#spare) {
      // Not one that is far too large: what is out at once is bounded by what it is needed for.
      const fits = one.byteLength >= bytes && one.byteLength <= 2 * wanted
      if (fits && (best === null || one.byteLength < best.byteLength)) best = one
    }
    if (best === null) return new SharedArrayBuffer(wanted)
    this.#spare = this.#spare.filter(one => one !== best)
    this.#spareBytes -= best.byteLength
    return best
  }

  /** @param buffer that no thread reads or writes any more. */
  give(buffer: SharedArrayBuffer): void {
    this.#spare.push(buffer)
    this.#spareBytes += buffer.byteLength
    // The oldest go: of a size that was not wanted since.
    while (this.#spareBytes > this.#spareMaxBytes) this.#spareBytes -= this.#spare.shift()?.byteLength ?? 0
  }
}
