// Feeds a stream to an intake thread and hands on the chunks that come back, with bounded memory both ways.
import { type Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Worker } from 'node:worker_threads'
import { Failure } from '../domain/errors.js'
import type { ChunkId } from '../domain/ids.js'
import type { CutterParameters } from '../seal/cutter.js'
import { type FailureMessage, failureFrom } from '../sys/threads.js'
import type { ChunkIndex, ChunkIndexData } from './chunk-index.js'
import { giveThreadBack, takeThread } from './intake-threads.js'

/** Sees every byte of a stream in order, on the intake thread, and says at the end what it saw. Throws when the stream is unsound. */
export interface StreamObserver {
  push(bytes: Uint8Array): void
  end(): unknown
}

export interface CutChunk {
  id: ChunkId
  bytes: number
  /** Null when the store has the chunk already. */
  raw: Uint8Array | null
}

export interface IntakeOptions {
  /** Null: only observe and hash. */
  cutting: { parameters: CutterParameters; chunkIdKey: Uint8Array; known: ChunkIndex } | null
  /** URL of a built module that exports `createObserver(): StreamObserver`, or null. */
  observer: string | null
  /** Called for each chunk in stream order; the chunk counts as in memory until the promise resolves. */
  onChunk?(chunk: CutChunk): Promise<void>
  onBytes?(bytes: number): void
  signal: AbortSignal
}

export interface IntakeResult {
  bytes: number
  sha256: string
  /** The stream's first bytes in base64, which are in no chunk; empty without cutting. */
  head: string
  /** What the observer's end() returned; null without one. */
  facts: unknown
}

/** Plain data: it crosses to the thread. */
export interface StreamStart {
  cutting: { parameters: CutterParameters; chunkIdKey: Uint8Array; index: ChunkIndexData } | null
  observer: string | null
  waitingBytesMax: number
}

export type ToThread =
  | { type: 'start'; stream: StreamStart }
  | { type: 'pieces'; pieces: Uint8Array[] }
  | { type: 'end' }
  | { type: 'sealed'; bytes: number }

export type FromThread =
  | { type: 'taken'; bytes: number }
  | { type: 'chunk'; id: ChunkId; bytes: number; raw: Uint8Array | null }
  | ({ type: 'done' } & IntakeResult)
  | { type: 'failed'; failure: FailureMessage }

/**
 * A pg_dump archive holds its time of creation in its first 51 bytes. They stand in the manifest instead of a chunk,
 * so that a database in which nothing changed adds no chunk at all.
 */
export const HEAD_BYTES = 64
/** Bytes on the way to the thread: enough to ride over the time one chunk takes there. */
const WINDOW_BYTES = 4 * 1024 * 1024
/** A piece has 64 KiB at most, and a message, with its answer, costs as much as cutting one: so many go together. */
const BATCH_BYTES = 512 * 1024
/** What the sink may hold above that. */
const PIECES_BYTES = 256 * 1024
/** New chunks that wait to be sealed. */
const WAITING_BYTES = 12 * 1024 * 1024

/**
 * Takes a whole stream in. Resolves when its end was seen and every onChunk promise resolved.
 * @throws Failure whatever the observer, onChunk or the source raised first; the source is destroyed then.
 */
export async function takeIn(source: Readable, options: IntakeOptions): Promise<IntakeResult> {
  const thread = takeThread()
  const intake = new Intake(thread, options)
  const abort = () => intake.fail(options.signal.reason)
  options.signal.addEventListener('abort', abort, { once: true })
  let sound = false
  try {
    options.signal.throwIfAborted()
    const [result] = await Promise.all([intake.finished, feed(source, intake)])
    await intake.handled()
    sound = true
    return result
  } finally {
    options.signal.removeEventListener('abort', abort)
    source.destroy()
    await (sound ? giveThreadBack(thread) : thread.terminate())
  }
}

function streamStart({ cutting, observer }: IntakeOptions): StreamStart {
  const toCut = cutting && {
    parameters: cutting.parameters,
    chunkIdKey: cutting.chunkIdKey,
    index: cutting.known.data,
  }
  return { cutting: toCut, observer, waitingBytesMax: WAITING_BYTES }
}

async function feed(source: Readable, intake: Intake): Promise<void> {
  try {
    await pipeline(source, intake.sink())
    intake.end()
  } catch (thrown) {
    intake.fail(thrown)
  }
}

class Intake {
  readonly finished: Promise<IntakeResult>
  readonly #pending = new Set<Promise<void>>()
  readonly #thread: Worker
  readonly #options: IntakeOptions
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  #inFlightBytes = 0
  #wake: ((error?: Error) => void) | null = null
  #failure: { reason: unknown } | null = null
  #resolve!: (result: IntakeResult) => void
  #reject!: (reason: unknown) => void

  constructor(thread: Worker, options: IntakeOptions) {
    this.#thread = thread
    this.#options = options
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.finished.catch(() => {})
    this.#send({ type: 'start', stream: streamStart(options) })
    thread.on('message', (message: FromThread) => this.#receive(message))
    thread.on('error', error => this.fail(error))
    thread.on('exit', () => this.fail(new Failure('unexpected', 'the intake thread ended before its stream')))
  }

  /** Where the stream goes: takes pieces as they come, and holds back while the window is full. */
  sink(): Writable {
    return new Writable({
      // More than a piece, or each one would stop the source and start it again.
      highWaterMark: PIECES_BYTES,
      write: (piece: Uint8Array, _encoding, taken) => {
        this.#give(piece)
        if (this.#failure) taken(new Failure('interrupted', 'the intake has stopped'))
        else if (this.#inFlightBytes < WINDOW_BYTES) taken()
        else this.#wake = taken
      },
    })
  }

  #give(piece: Uint8Array): void {
    const bytes = piece.byteLength === piece.buffer.byteLength ? piece : new Uint8Array(piece)
    this.#inFlightBytes += bytes.length
    this.#gathered.push(bytes)
    this.#gatheredBytes += bytes.length
    if (this.#gatheredBytes >= BATCH_BYTES) this.#sendGathered()
  }

  end(): void {
    this.#sendGathered()
    this.#send({ type: 'end' })
  }

  /** Resolves when every chunk handed on was dealt with. @throws what the first one to fail raised. */
  async handled(): Promise<void> {
    await Promise.all(this.#pending)
    if (this.#failure) throw this.#failure.reason
  }

  /** The first failure is the one that is told; the feeding loop is woken to stop. */
  fail(reason: unknown): void {
    this.#failure ??= { reason }
    this.#reject(reason)
    this.#goOn()
  }

  #receive(message: FromThread): void {
    if (message.type === 'taken') {
      this.#inFlightBytes -= message.bytes
      this.#options.onBytes?.(message.bytes)
      this.#goOn()
    } else if (message.type === 'chunk') this.#handOn(message)
    else if (message.type === 'done') this.#finish(message)
    else this.fail(failureFrom(message.failure))
  }

  #goOn(): void {
    const taken = this.#wake
    if (!taken) return
    this.#wake = null
    if (this.#failure) taken(new Failure('interrupted', 'the intake has stopped'))
    else taken()
  }

  #finish({ bytes, sha256, head, facts }: IntakeResult): void {
    this.#resolve({ bytes, sha256, head, facts })
  }

  #handOn(chunk: CutChunk): void {
    const { bytes, raw } = chunk
    const handled: Promise<void> = (this.#options.onChunk?.(chunk) ?? Promise.resolve())
      .then(() => {
        if (raw) this.#send({ type: 'sealed', bytes })
      })
      .catch(thrown => this.fail(thrown))
      .finally(() => this.#pending.delete(handled))
    this.#pending.add(handled)
  }

  #sendGathered(): void {
    const pieces = this.#gathered
    if (pieces.length === 0) return
    this.#gathered = []
    this.#gatheredBytes = 0
    this.#send(
      { type: 'pieces', pieces },
      pieces.map(piece => piece.buffer as ArrayBuffer),
    )
  }

  #send(message: ToThread, transfer: ArrayBuffer[] = []): void {
    this.#thread.postMessage(message, transfer)
  }
}
