// Compressing and encrypting, and their inverses, on threads of their own: the event loop that answers HTTP never does it.
import { Piscina } from 'piscina'
import type { ChunkId } from '../domain/ids.js'
import { builtFile } from '../sys/built.js'
import { throwIfInterrupted } from '../sys/interruption.js'
import { type FailureMessage, failureFrom } from '../sys/threads.js'

export interface SealTask {
  raw: Uint8Array
  level: number
  recipient: string
}

export interface UnsealTask {
  file: Uint8Array
  identity: string
  /** The plaintext's length as the manifest has it; anything else is corrupt. */
  bytes: number
  chunkIdKey: Uint8Array
  id: ChunkId
}

export type PoolAnswer = Uint8Array | { failure: FailureMessage }

export interface SealPool {
  /** zstd, then age. The raw buffer is handed over: it must own its memory and is empty afterwards. */
  seal(task: SealTask, signal?: AbortSignal): Promise<Uint8Array>
  /**
   * age, zstd, then the chunk's id recomputed.
   * @throws Failure key-wrong, or object-corrupt when anything differs from what was stored.
   */
  unseal(task: UnsealTask, signal?: AbortSignal): Promise<Uint8Array>
  /** Ends the threads, once they have done what they are at. */
  close(): Promise<void>
}

/** Starts no thread until there is work; ends idle ones after a minute. @param threads at most so many. */
export function createSealPool(threads: number): SealPool {
  const pool = new Piscina({
    filename: builtFile(import.meta.url, './pool-thread.js').href,
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: 60_000,
    atomics: 'disabled',
    resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 8 },
  })
  const running = new Set<Promise<unknown>>()
  // A task takes milliseconds. Piscina's own way to abort one kills its thread, throws past every catch when the thread
  // answers all the same, and keeps a listener on the signal for each task that waits; so each task runs to its end.
  const run = async (name: string, task: object, transfer: Uint8Array, signal?: AbortSignal) => {
    throwIfInterrupted(signal)
    const work: Promise<PoolAnswer> = pool.run(task, {
      name,
      transferList: [transfer.buffer as ArrayBuffer],
    })
    running.add(work)
    const answer = await work.finally(() => running.delete(work))
    throwIfInterrupted(signal)
    if ('failure' in answer) throw failureFrom(answer.failure)
    return answer
  }
  return {
    seal: (task, signal) => run('seal', task, task.raw, signal),
    unseal: (task, signal) => {
      const file = owned(task.file)
      return run('unseal', { ...task, file }, file, signal)
    },
    close: async () => {
      await Promise.allSettled(running)
      await pool.destroy()
    },
  }
}

/** A buffer that owns its memory whole, copying only when it is a view into something larger. */
function owned(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}
