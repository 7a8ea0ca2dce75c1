// Cuts a stream into chunks at places that its content decides, so that equal stretches give equal chunks.
// The same bytes give the same chunks whatever the pieces they come in; memory is one chunk and the input piece.
import { createHash } from 'node:crypto'
import { Failure } from '../domain/errors.js'
import { loadKernel } from '../sys/kernel.js'

export interface CutterParameters {
  minBytes: number
  averageBytes: number
  maxBytes: number
}

export const DEFAULT_CUTTER: CutterParameters = {
  minBytes: 256 * 1024,
  averageBytes: 1024 * 1024,
  maxBytes: 4 * 1024 * 1024,
}

interface Kernel {
  memory: WebAssembly.Memory
  table(): number
  buffer(): number
  configure(minBytes: number, turningBytes: number, hardBound: bigint, easyBound: bigint): void
  scan(from: number, to: number): number
}

const PAGE_BYTES = 64 * 1024
/** The hash knows the last 64 bytes, one for each of its bits. */
const WINDOW_BYTES = 64
const LARGEST_MAX_BYTES = 64 * 1024 * 1024

let kernelModule: WebAssembly.Module | undefined

/**
 * The gear1 cutter. A chunk ends after the first byte at which it is at least `minBytes` long and the hash of the 64 bytes
 * up to there is under a bound: floor(2^62 / averageBytes) while the chunk is shorter than its turning length
 * averageBytes - floor((averageBytes - minBytes) / 4), floor(2^66 / averageBytes) from there on; at `maxBytes`
 * in any case; at the end of the stream.
 * The hash is h = (2h + table[byte]) mod 2^64 from h = 0, so that only the last 64 bytes are in it; table[i] is the first
 * 8 bytes, big-endian, of SHA-256("gmah-backup gear1 <i>"), i in decimal.
 * Source of the idea: Xia et al., FastCDC (USENIX ATC 2016), with normalised chunking of level 2; turning before the
 * average brings the mean length of random data to the average within 5 % at the default sizes.
 */
export class Cutter {
  readonly #kernel: Kernel
  readonly #maxBytes: number
  readonly #chunk: Uint8Array
  #length = 0

  /** @throws Failure config-invalid unless 64 ≤ min < average < max ≤ 64 MiB, all whole. */
  constructor(parameters: CutterParameters = DEFAULT_CUTTER) {
    checkParameters(parameters)
    this.#maxBytes = parameters.maxBytes
    this.#kernel = newKernel(parameters)
    this.#chunk = new Uint8Array(this.#kernel.memory.buffer, this.#kernel.buffer(), parameters.maxBytes)
  }

  /**
   * Takes the next bytes of the stream, and gives the chunks that end in them; it must be followed to its end.
   * A chunk is good until the next one is asked for: most are known already, and whoever keeps one copies it.
   */
  *push(bytes: Uint8Array): Generator<Uint8Array> {
    let rest = bytes
    while (rest.length > 0) {
      const from = this.#length
      const to = Math.min(from + rest.length, this.#maxBytes)
      this.#chunk.set(rest.subarray(0, to - from), from)
      const cut = this.#kernel.scan(from, to) || (to === this.#maxBytes ? to : 0)
      this.#length = cut || to
      rest = rest.subarray(this.#length - from)
      if (cut) yield this.#take()
    }
  }

  /** The last chunk, shorter than the others may be; null when nothing is left. The cutter then starts a new stream. */
  end(): Uint8Array | null {
    return this.#length > 0 ? this.#take() : null
  }

  #take(): Uint8Array {
    const chunk = this.#chunk.subarray(0, this.#length)
    this.#length = 0
    return chunk
  }
}

/** table[0] to table[255]. */
export function gearTable(): BigUint64Array<ArrayBuffer> {
  return BigUint64Array.from({ length: 256 }, (_, index) =>
    createHash('sha256').update(`gmah-backup gear1 ${index}`).digest().readBigUInt64BE(),
  )
}

function checkParameters({ minBytes, averageBytes, maxBytes }: CutterParameters): void {
  const whole = [minBytes, averageBytes, maxBytes].every(Number.isSafeInteger)
  const ordered = WINDOW_BYTES <= minBytes && minBytes < averageBytes && averageBytes < maxBytes
  if (!whole || !ordered || maxBytes > LARGEST_MAX_BYTES) {
    throw new Failure(
      'config-invalid',
      `cutter sizes must be ${WINDOW_BYTES} <= min < average < max <= ${LARGEST_MAX_BYTES} bytes`,
      { facts: { minBytes, averageBytes, maxBytes } },
    )
  }
}

function newKernel({ minBytes, averageBytes, maxBytes }: CutterParameters): Kernel {
  kernelModule ??= loadKernel(import.meta.url, 'gear')
  const kernel = new WebAssembly.Instance(kernelModule).exports as unknown as Kernel
  const missingBytes = kernel.buffer() + maxBytes - kernel.memory.buffer.byteLength
  if (missingBytes > 0) kernel.memory.grow(Math.ceil(missingBytes / PAGE_BYTES))
  const table = new DataView(kernel.memory.buffer, kernel.table())
  for (const [index, word] of gearTable().entries()) table.setBigUint64(index * 8, word, true)
  const average = BigInt(averageBytes)
  const turningBytes = averageBytes - Math.floor((averageBytes - minBytes) / 4)
  kernel.configure(minBytes, turningBytes, (1n << 62n) / average, (1n << 66n) / average)
  return kernel
}
