// The intake thread: bytes of one stream come in, chunks with their ids go out, and whoever watches the stream sees each byte once.
// It holds back when too many new chunks wait to be sealed, so memory is a constant whatever the stream's length.
import { createHash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import type { ChunkId } from '../domain/ids.js'
import { Cutter } from '../seal/cutter.js'
import { chunkId } from '../seal/digest.js'
import { failureMessage } from '../sys/threads.js'
import { ChunkIndex } from './chunk-index.js'
import {
  type FromThread,
  HEAD_BYTES,
  type StreamObserver,
  type StreamStart,
  type ToThread,
} from './intake.js'

const port = parentPort
if (!port) throw new Error('intake-thread runs only as a thread')

/** What came and is not taken yet; null: the stream's end. */
const pieces: (Uint8Array | null)[] = []
let waitingBytes = 0
let working = false
/** Null between two streams, and while the observer of the next is loaded. */
let taking: Taking | null = null

port.on('message', (message: ToThread) => {
  if (message.type === 'start') void start(message.stream)
  else if (message.type === 'sealed') waitingBytes -= message.bytes
  else if (message.type === 'pieces') pieces.push(...message.pieces)
  else pieces.push(null)
  work()
})

async function start(stream: StreamStart): Promise<void> {
  try {
    taking = new Taking(stream, stream.observer ? await loadObserver(stream.observer) : null)
  } catch (thrown) {
    send({ type: 'failed', failure: failureMessage(thrown) })
  }
  work()
}

function work(): void {
  if (working || !taking) return
  working = true
  try {
    takeWhatCame(taking)
  } catch (thrown) {
    pieces.length = 0
    taking = null
    send({ type: 'failed', failure: failureMessage(thrown) })
  }
  working = false
}

function takeWhatCame(stream: Taking): void {
  while (pieces.length > 0 && waitingBytes < stream.waitingBytesMax) {
    const piece = pieces.shift()
    if (piece) stream.take(piece)
    else {
      taking = null
      stream.finish()
    }
  }
  stream.tellTaken()
}

/** One stream from its first byte to its last. */
class Taking {
  readonly waitingBytesMax: number
  readonly #observer: StreamObserver | null
  readonly #cutter: Cutter | null
  readonly #known: ChunkIndex | null
  readonly #key: Uint8Array
  readonly #sha256 = createHash('sha256')
  #bytes = 0
  #toldBytes = 0
  #head = Buffer.alloc(0)

  constructor({ cutting, waitingBytesMax }: StreamStart, observer: StreamObserver | null) {
    this.waitingBytesMax = waitingBytesMax
    this.#observer = observer
    this.#cutter = cutting && new Cutter(cutting.parameters)
    this.#known = cutting && new ChunkIndex(cutting.index)
    this.#key = cutting?.chunkIdKey ?? new Uint8Array()
  }

  take(piece: Uint8Array): void {
    this.#bytes += piece.length
    this.#sha256.update(piece)
    this.#observer?.push(piece)
    if (this.#cutter) for (const chunk of this.#cutter.push(this.#afterHead(piece))) this.#sendChunk(chunk)
  }

  /** Says how much was taken since it was said last. */
  tellTaken(): void {
    if (this.#bytes > this.#toldBytes) send({ type: 'taken', bytes: this.#bytes - this.#toldBytes })
    this.#toldBytes = this.#bytes
  }

  /** After `done` nothing more is said of this stream: the next one may have begun. */
  finish(): void {
    const last = this.#cutter?.end()
    if (last) this.#sendChunk(last)
    const facts = this.#observer?.end() ?? null
    this.tellTaken()
    const head = this.#head.toString('base64')
    send({ type: 'done', bytes: this.#bytes, sha256: this.#sha256.digest('hex'), head, facts })
  }

  /** Keeps the stream's first bytes back for the manifest and returns the rest. */
  #afterHead(piece: Uint8Array): Uint8Array {
    const missing = HEAD_BYTES - this.#head.length
    if (missing > 0) this.#head = Buffer.concat([this.#head, piece.subarray(0, missing)])
    return missing > 0 ? piece.subarray(missing) : piece
  }

  /** @param chunk copied only when it is new: it lies in the cutter's memory. */
  #sendChunk(chunk: Uint8Array): void {
    const id: ChunkId = chunkId(this.#key, chunk)
    if (this.#known?.has(id)) {
      send({ type: 'chunk', id, bytes: chunk.length, raw: null })
      return
    }
    this.#known?.add(id, 0)
    waitingBytes += chunk.length
    const raw = new Uint8Array(chunk)
    send({ type: 'chunk', id, bytes: raw.length, raw }, [raw.buffer])
  }
}

function send(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}

async function loadObserver(url: string): Promise<StreamObserver> {
  const module: { createObserver(): StreamObserver } = await import(url)
  return module.createObserver()
}
