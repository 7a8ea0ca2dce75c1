// Reads one table's data block through the kernel in rows.as.ts.
// Guarantees rows, bytes and digests of the COPY text alone: frames and the closing `\.` are never part of them.
import { createHash } from 'node:crypto'
import type { TableFacts } from '../../domain/manifest.js'
import { loadKernel } from '../../sys/kernel.js'
import type { Source, Step } from './source.js'

export type RowFacts = Pick<TableFacts, 'rows' | 'bytes' | 'digest' | 'sha256'>

interface Exports {
  memory: WebAssembly.Memory
  capacity(): number
  input(): number
  output(): number
  begin(): void
  walk(length: number): number
  consumed(): number
  gathered(): number
  rows(): bigint
  digest1(): bigint
  digest2(): bigint
}

/** The statuses of walk() in rows.as.ts, in its order. */
const STATUS = ['more', 'ended', 'bad frame', 'data after the terminator', 'no terminator'] as const

export interface RowKernel {
  begin(): void
  /** Walks a piece of the block: how much of it was the block's, and whether the block ended there. */
  walk(piece: Uint8Array): { consumed: number; status: (typeof STATUS)[number] }
  /** Payload that the last walk made ready, in stream order; valid until the next walk. */
  payload(): Uint8Array
  rows(): number
  /** 32 hex digits. */
  digest(): string
}

let compiled: WebAssembly.Module | undefined

/** A kernel with memory of its own. @throws Failure unexpected when it was not built. */
export function createRowKernel(): RowKernel {
  compiled ??= loadKernel(import.meta.url, 'rows')
  const kernel = new WebAssembly.Instance(compiled).exports as unknown as Exports
  const memory = new Uint8Array(kernel.memory.buffer)
  const [capacity, input, output] = [kernel.capacity(), kernel.input(), kernel.output()]
  const hex = (half: bigint) => BigInt.asUintN(64, half).toString(16).padStart(16, '0')
  return {
    begin: () => kernel.begin(),
    walk: piece => {
      const part = piece.length > capacity ? piece.subarray(0, capacity) : piece
      memory.set(part, input)
      const status = STATUS[kernel.walk(part.length)] ?? 'bad frame'
      return { consumed: kernel.consumed(), status }
    },
    payload: () => memory.subarray(output, output + kernel.gathered()),
    rows: () => Number(kernel.rows()),
    digest: () => hex(kernel.digest1()) + hex(kernel.digest2()),
  }
}

/** @throws Failure dump-invalid */
export function* readRows(source: Source, kernel: RowKernel): Step<RowFacts> {
  const sha256 = createHash('sha256')
  let bytes = 0
  kernel.begin()
  for (;;) {
    yield* source.some()
    const { consumed, status } = kernel.walk(source.rest)
    source.skip(consumed)
    const payload = kernel.payload()
    if (payload.length > 0) sha256.update(payload)
    bytes += payload.length
    if (status === 'ended') break
    if (status === 'bad frame') throw source.invalid('a chunk has an impossible length')
    if (status === 'data after the terminator')
      throw source.invalid(String.raw`there is data after the \. line`)
    if (status === 'no terminator') throw source.invalid(String.raw`the rows end without a \. line`)
  }
  return { rows: kernel.rows(), bytes, digest: kernel.digest(), sha256: sha256.digest('hex') }
}
