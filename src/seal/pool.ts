// Compressing and encrypting, and their inverses, on threads of their own: the event loop that answers HTTP never does it.
import type { ChunkId } from '../domain/ids.js'
import { builtFile } from '../sys/built.js'
import { throwIfInterrupted } from '../sys/interruption.js'
import { createThreadPool } from '../sys/thread-pool.js'
import { type FailureMessage, failureFrom } from '../sys/threads.js'

export interface SealTask {
  raw: Uint8Array
  level: number
  recipient: string
  /** The file is made in it, where it has room for it. */
  room?: SharedArrayBuffer
}

export interface UnsealTask {
  file: Uint8Array
  identity: string
  /** The plaintext's length as the manifest has it; anything else is corrupt. Null when no manifest names the chunk. */
  bytes: number | null
  chunkIdKey: Uint8Array
  id: ChunkId
}

export interface CompressTask {
  raw: Uint8Array
  level: number
}

export type PoolTask =
  | ({ name: 'seal' } & SealTask)
  | ({ name: 'unseal' } & UnsealTask)
  | ({ name: 'compress' } & CompressTask)
export type PoolAnswer = Uint8Array | { failure: FailureMessage }

export interface SealPool {
  /** zstd, then age. Until it resolves, nobody else may write to the raw buffer; one that is not shared is copied. */
  seal(task: SealTask, signal?: AbortSignal): Promise<Uint8Array>
  /**
   * age, zstd, then the chunk's id recomputed.
   * @throws Failure key-wrong, or object-corrupt when anything differs from what was stored.
   */
  unseal(task: UnsealTask, signal?: AbortSignal): Promise<Uint8Array>
  /** One zstd frame. The raw buffer is handed over. */
  compress(task: CompressTask, signal?: AbortSignal): Promise<Uint8Array>
  /** Ends the threads, once they have done what they are at. */
  close(): Promise<void>
}

/** Starts no thread until there is work; ends idle ones after a minute. @param threads at most so many. */
export function createSealPool(threads: number): SealPool {
  const pool = createThreadPool<PoolTask, PoolAnswer>(builtFile(import.meta.url, './pool-thread.js'), {
    threads,
  })
  // A task takes milliseconds: each runs to its end, and an abort is seen before and after.
  const run = async (task: PoolTask, transfer: Uint8Array[], signal?: AbortSignal) => {
    throwIfInterrupted(signal)
    const answer = await pool.run(
      task,
      transfer.map(one => one.buffer as ArrayBuffer),
    )
    throwIfInterrupted(signal)
    if ('failure' in answer) throw failureFrom(answer.failure)
    return answer
  }
  return {
    seal: (task, signal) => run({ name: 'seal', ...task }, [], signal),
    unseal: (task, signal) => {
      const file = owned(task.file)
      return run({ name: 'unseal', ...task, file }, [file], signal)
    },
    compress: (task, signal) => run({ name: 'compress', ...task }, [task.raw], signal),
    close: () => pool.close(),
  }
}

/** A buffer that owns its memory whole, copying only when it is a view into something larger. */
function owned(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}
