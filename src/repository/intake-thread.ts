// The intake thread: bytes of one stream come in, chunks with their ids go out, and whoever watches the stream sees each byte once.
// It holds back when too many new chunks wait to be sealed, so memory is a constant whatever the stream's length.
import { createHash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { ChunkId } from '../domain/ids.js'
import { Cutter } from '../seal/cutter.js'
import { chunkId } from '../seal/digest.js'
import { failureMessage } from '../sys/threads.js'
import { ChunkIndex } from './chunk-index.js'
import { type FromThread, HEAD_BYTES, type StreamObserver, type ThreadData, type ToThread } from './intake.js'

const port = parentPort
if (!port) throw new Error('intake-thread runs only as a thread')

const data = workerData as ThreadData
const pieces: (Uint8Array | null)[] = []
let waitingBytes = 0
let working = false

const observer = data.observer ? await loadObserver(data.observer) : null
const cutter = data.cutting ? new Cutter(data.cutting.parameters) : null
const known = data.cutting ? new ChunkIndex(data.cutting.index) : null
const key = data.cutting?.chunkIdKey
const sha256 = createHash('sha256')
let bytes = 0
let head = Buffer.alloc(0)

port.on('message', (message: ToThread) => {
  if (message.type === 'sealed') waitingBytes -= message.bytes
  else if (message.type === 'pieces') pieces.push(...message.pieces)
  else pieces.push(null)
  work()
})

function work(): void {
  if (working) return
  working = true
  const before = bytes
  try {
    while (pieces.length > 0 && waitingBytes < data.waitingBytesMax) {
      const piece = pieces.shift()
      if (piece) take(piece)
      else finish()
    }
    if (bytes > before) send({ type: 'taken', bytes: bytes - before })
  } catch (thrown) {
    pieces.length = 0
    send({ type: 'failed', failure: failureMessage(thrown) })
  }
  working = false
}

function take(piece: Uint8Array): void {
  bytes += piece.length
  sha256.update(piece)
  observer?.push(piece)
  if (cutter) for (const chunk of cutter.push(afterHead(piece))) sendChunk(chunk)
}

/** Keeps the stream's first bytes back for the manifest and returns the rest. */
function afterHead(piece: Uint8Array): Uint8Array {
  const missing = HEAD_BYTES - head.length
  if (missing > 0) head = Buffer.concat([head, piece.subarray(0, missing)])
  return missing > 0 ? piece.subarray(missing) : piece
}

function finish(): void {
  const last = cutter?.end()
  if (last) sendChunk(last)
  send({
    type: 'done',
    bytes,
    sha256: sha256.digest('hex'),
    head: head.toString('base64'),
    facts: observer?.end() ?? null,
  })
}

/** @param chunk copied only when it is new: it lies in the cutter's memory. */
function sendChunk(chunk: Uint8Array): void {
  const id: ChunkId = chunkId(key ?? new Uint8Array(), chunk)
  if (known?.has(id)) {
    send({ type: 'chunk', id, bytes: chunk.length, raw: null })
    return
  }
  known?.add(id, 0)
  waitingBytes += chunk.length
  const raw = new Uint8Array(chunk)
  send({ type: 'chunk', id, bytes: raw.length, raw }, [raw.buffer])
}

function send(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}

async function loadObserver(url: string): Promise<StreamObserver> {
  const module: { createObserver(): StreamObserver } = await import(url)
  return module.createObserver()
}
