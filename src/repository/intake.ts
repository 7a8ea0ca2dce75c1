// One stream on its way through an intake thread, and the chunks that come back, with bounded memory.
// Whoever makes the stream writes it into `input` and so straight to the thread; the event loop sees chunks alone.
import type { Socket } from 'node:net'
import type { Worker } from 'node:worker_threads'
import { Failure } from '../domain/errors.js'
import type { ChunkId } from '../domain/ids.js'
import type { CutterParameters } from '../seal/cutter.js'
import { isShared, type Stretch } from '../sys/arena.js'
import { layDuct } from '../sys/duct.js'
import { type FailureMessage, failureFrom } from '../sys/threads.js'
import type { ChunkIndex, ChunkIndexData } from './chunk-index.js'
import { giveThreadBack, takeThread } from './intake-threads.js'

/** Sees every byte of a stream in order, on the intake thread, and says at the end what it saw. Throws when the stream is unsound. */
export interface StreamObserver {
  /** @param bytes good until it returns. */
  push(bytes: Uint8Array): void
  end(): unknown
}

export interface CutChunk {
  id: ChunkId
  bytes: number
  /** In the memory that cutting was given, or in its own. Null when the store has the chunk already. */
  raw: Uint8Array | null
}

export interface IntakeOptions {
  /** Null: only observe. */
  cutting: {
    parameters: CutterParameters
    chunkIdKey: Uint8Array
    known: ChunkIndex
    memory: SharedArrayBuffer
  } | null
  /** URL of a built module that exports `createObserver(): StreamObserver`, or null. */
  observer: string | null
  /** Called for each chunk in stream order; the chunk counts as in memory until the promise resolves. */
  onChunk?(chunk: CutChunk): Promise<void>
  onBytes?(bytes: number): void
  signal: AbortSignal
}

export interface IntakeResult {
  bytes: number
  /** The stream's first bytes in base64, which are in no chunk; empty without cutting. */
  head: string
  /** What the observer's end() returned; null without one. */
  facts: unknown
}

/** Plain data: it crosses to the thread. */
export interface StreamStart {
  cutting: {
    parameters: CutterParameters
    chunkIdKey: Uint8Array
    index: ChunkIndexData
    memory: SharedArrayBuffer
  } | null
  observer: string | null
  waitingBytesMax: number
}

export type ToThread =
  | { type: 'open'; path: string }
  | { type: 'start'; stream: StreamStart }
  | { type: 'sealed'; bytes: number; room: Stretch | null }

export type FromThread =
  | { type: 'taken'; bytes: number }
  | { type: 'chunk'; id: ChunkId; bytes: number; raw: Uint8Array | null }
  | ({ type: 'done' } & IntakeResult)
  | { type: 'failed'; failure: FailureMessage; atEnd: boolean }

/**
 * A pg_dump archive holds its time of creation in its first 51 bytes. They stand in the manifest instead of a chunk,
 * so that a database in which nothing changed adds no chunk at all.
 */
export const HEAD_BYTES = 64
/** New chunks that wait to be sealed. */
const WAITING_BYTES = 12 * 1024 * 1024

/** Takes a thread and lays a way into it. It must be closed in the end. @throws Failure unexpected when the thread ends. */
export async function openIntake(): Promise<Intake> {
  const thread = await takeThread()
  try {
    return new Intake(thread, await layDuct(thread, path => tell(thread, { type: 'open', path })))
  } catch (thrown) {
    await thread.terminate()
    throw thrown
  }
}

export class Intake {
  /** The stream goes in here. Some 200 KB of it fit in before `take`; the rest waits in whoever writes. */
  readonly input: Socket
  readonly #thread: Worker
  readonly #pending = new Set<Promise<void>>()
  readonly #finished: Promise<IntakeResult>
  #options: Pick<IntakeOptions, 'onChunk' | 'onBytes'> = {}
  #failure: { reason: unknown } | null = null
  #sawEnd = false
  #sound = false
  #closed: Promise<void> | null = null
  #resolve!: (result: IntakeResult) => void
  #reject!: (reason: unknown) => void

  constructor(thread: Worker, input: Socket) {
    this.#thread = thread
    this.input = input
    this.#finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#finished.catch(() => {})
    // Who writes into it hears of it; that our own end breaks with the thread is told by the thread.
    input.on('error', () => {})
    thread.on('message', (message: FromThread) => this.#receive(message))
    thread.on('error', error => this.fail(error))
    thread.on('exit', () => this.fail(new Failure('unexpected', 'the intake thread ended before its stream')))
  }

  /** True when the stream was read to its end, whether it was sound or not. */
  get sawEnd(): boolean {
    return this.#sawEnd
  }

  /**
   * Takes the whole stream in. Resolves when its end was seen and every onChunk promise resolved.
   * @throws Failure what the observer or onChunk raised first; the signal's reason; what `fail` was called with.
   */
  async take(options: IntakeOptions): Promise<IntakeResult> {
    const { signal } = options
    this.#options = options
    const abort = () => this.fail(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      signal.throwIfAborted()
      tell(this.#thread, { type: 'start', stream: streamStart(options) })
      const result = await this.#finished
      await Promise.all(this.#pending)
      if (this.#failure) throw this.#failure.reason
      this.#sound = true
      return result
    } finally {
      signal.removeEventListener('abort', abort)
      await this.close()
    }
  }

  /** The first failure is the one that is told. */
  fail(reason: unknown): void {
    this.#failure ??= { reason }
    this.#reject(reason)
  }

  /** Whoever still writes is cut off. Safe to call again. */
  close(): Promise<void> {
    this.#closed ??= this.#letGo()
    return this.#closed
  }

  async #letGo(): Promise<void> {
    this.input.destroy()
    await (this.#sound ? giveThreadBack(this.#thread) : this.#thread.terminate())
  }

  #receive(message: FromThread): void {
    if (message.type === 'taken') this.#options.onBytes?.(message.bytes)
    else if (message.type === 'chunk') this.#handOn(message)
    else {
      this.#sawEnd = message.type === 'done' || message.atEnd
      if (message.type === 'failed') this.fail(failureFrom(message.failure))
      else this.#finish(message)
    }
  }

  #finish({ bytes, head, facts }: IntakeResult): void {
    this.#resolve({ bytes, head, facts })
  }

  #handOn(chunk: CutChunk): void {
    const { bytes, raw } = chunk
    // Kept apart: what is not shared is handed over, and gone by then.
    const room = raw && isShared(raw) ? raw : null
    const handled: Promise<void> = (this.#options.onChunk?.(chunk) ?? Promise.resolve())
      .then(() => {
        if (raw) tell(this.#thread, { type: 'sealed', bytes, room })
      })
      .catch(thrown => this.fail(thrown))
      .finally(() => this.#pending.delete(handled))
    this.#pending.add(handled)
  }
}

function streamStart({ cutting, observer }: IntakeOptions): StreamStart {
  const toCut = cutting && {
    parameters: cutting.parameters,
    chunkIdKey: cutting.chunkIdKey,
    index: cutting.known.data,
    memory: cutting.memory,
  }
  return { cutting: toCut, observer, waitingBytesMax: WAITING_BYTES }
}

const tell = (thread: Worker, message: ToThread): void => thread.postMessage(message)
