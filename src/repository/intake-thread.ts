// The intake thread: bytes of one stream come in, chunks with their ids go out, and whoever watches the stream sees each byte once.
// It holds back when too many new chunks wait to be sealed, so memory is a constant whatever the stream's length.
import { connect, type Socket } from 'node:net'
import { parentPort } from 'node:worker_threads'
import type { ChunkId } from '../domain/ids.js'
import { Cutter } from '../seal/cutter.js'
import { chunkId } from '../seal/digest.js'
import { Arena, type Stretch } from '../sys/arena.js'
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

/** pg_dump writes as much at once, and the kernel holds somewhat less. */
const READ_BYTES = 256 * 1024
/** How often it is said what was taken. */
const TELL_EVERY_BYTES = 1024 * 1024

let waitingBytes = 0
let input: Socket | null = null
/** Null between two streams, and while the observer of the next is loaded. */
let taking: Taking | null = null

port.on('message', (message: ToThread) => {
  if (message.type === 'open') input = open(message.path)
  else if (message.type === 'start') void start(message.stream)
  else {
    waitingBytes -= message.bytes
    if (message.room) taking?.giveRoom(message.room)
    if (taking?.hasRoom()) input?.resume()
  }
})
// Loaded: takeThread waits for it.
port.postMessage('ready')

/** Every piece is read into the same memory: nothing is left to be collected. Nobody reads before the stream starts. */
function open(path: string): Socket {
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (length: number, buffer: Uint8Array) => takePiece(buffer.subarray(0, length)),
  }
  const socket = connect({ path, onread })
  socket.pause()
  // The one before may have a last word while the next is open.
  socket.on('end', () => void (socket === input && finish()))
  socket.on('error', thrown => void (socket === input && fail(thrown)))
  return socket
}

async function start(stream: StreamStart): Promise<void> {
  try {
    taking = new Taking(stream, stream.observer ? await loadObserver(stream.observer) : null)
    input?.resume()
  } catch (thrown) {
    fail(thrown)
  }
}

/** @returns false to hold back, until some of the new chunks that wait are sealed. */
function takePiece(piece: Uint8Array): boolean {
  try {
    taking?.take(piece)
  } catch (thrown) {
    fail(thrown)
  }
  return taking?.hasRoom() ?? false
}

function finish(): void {
  try {
    const stream = taking
    taking = null
    stream?.finish()
  } catch (thrown) {
    fail(thrown, { atEnd: true })
  }
}

function fail(thrown: unknown, { atEnd } = { atEnd: false }): void {
  taking = null
  input?.destroy()
  send({ type: 'failed', failure: failureMessage(thrown), atEnd })
}

/** One stream from its first byte to its last. */
class Taking {
  readonly #waitingBytesMax: number
  readonly #observer: StreamObserver | null
  readonly #cutter: Cutter | null
  readonly #known: ChunkIndex | null
  readonly #key: Uint8Array
  readonly #arena: Arena | null
  #bytes = 0
  #toldBytes = 0
  #head = Buffer.alloc(0)

  constructor({ cutting, waitingBytesMax }: StreamStart, observer: StreamObserver | null) {
    this.#waitingBytesMax = waitingBytesMax
    this.#observer = observer
    this.#cutter = cutting && new Cutter(cutting.parameters)
    this.#known = cutting && new ChunkIndex(cutting.index)
    this.#key = cutting?.chunkIdKey ?? new Uint8Array()
    this.#arena = cutting && new Arena(cutting.memory)
  }

  take(piece: Uint8Array): void {
    this.#bytes += piece.length
    this.#observer?.push(piece)
    if (this.#cutter) for (const chunk of this.#cutter.push(this.#afterHead(piece))) this.#sendChunk(chunk)
    if (this.#bytes - this.#toldBytes >= TELL_EVERY_BYTES) this.#tellTaken()
  }

  /** False while too many new chunks wait to be sealed. */
  hasRoom(): boolean {
    return waitingBytes < this.#waitingBytesMax
  }

  giveRoom(room: Stretch): void {
    this.#arena?.give(room)
  }

  /** After `done` nothing more is said of this stream: the next one may have begun. */
  finish(): void {
    const last = this.#cutter?.end()
    if (last) this.#sendChunk(last)
    const facts = this.#observer?.end() ?? null
    this.#tellTaken()
    const head = this.#head.toString('base64')
    send({ type: 'done', bytes: this.#bytes, head, facts })
  }

  /** Says how much was taken since it was said last. */
  #tellTaken(): void {
    if (this.#bytes > this.#toldBytes) send({ type: 'taken', bytes: this.#bytes - this.#toldBytes })
    this.#toldBytes = this.#bytes
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
    const room = this.#arena?.take(chunk.length)
    const raw = room ?? new Uint8Array(chunk.length)
    raw.set(chunk)
    send({ type: 'chunk', id, bytes: raw.length, raw }, room ? [] : [raw.buffer as ArrayBuffer])
  }
}

function send(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}

async function loadObserver(url: string): Promise<StreamObserver> {
  const module: { createObserver(): StreamObserver } = await import(url)
  return module.createObserver()
}
