// Memory that threads share, handed out in stretches and used again. It is made once and kept: V8 does not count shared memory,
// so what is dropped of it is not collected before something else makes it look.

const BLOCK_BYTES = 128 * 1024

/** A view into an arena's memory. */
export type Stretch = Uint8Array<SharedArrayBuffer>

export const isShared = (bytes: Uint8Array): bytes is Stretch => bytes.buffer instanceof SharedArrayBuffer

/** Who takes also gives back; other threads may read and write what was taken in between. */
export class Arena {
  readonly #memory: SharedArrayBuffer
  /** 1 for each block that is out. */
  readonly #out: Uint8Array

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory
    this.#out = new Uint8Array(Math.floor(memory.byteLength / BLOCK_BYTES))
  }

  /** So many bytes, with anything in them; null when no stretch of that length is free. */
  take(bytes: number): Stretch | null {
    const blocks = Math.ceil(bytes / BLOCK_BYTES)
    let start = 0
    for (let at = 0; at < this.#out.length; at++) {
      if (this.#out[at]) start = at + 1
      else if (at - start + 1 === blocks) {
        this.#out.fill(1, start, at + 1)
        return new Uint8Array(this.#memory, start * BLOCK_BYTES, bytes)
      }
    }
    return null
  }

  /** @param stretch as it was taken, that no thread reads or writes any more. */
  give(stretch: Stretch): void {
    const start = stretch.byteOffset / BLOCK_BYTES
    this.#out.fill(0, start, start + Math.ceil(stretch.length / BLOCK_BYTES))
  }
}
