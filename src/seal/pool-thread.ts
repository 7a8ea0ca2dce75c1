// What a sealing thread does: one chunk in, one chunk out; failures travel as data.
import { parentPort } from 'node:worker_threads'
import { Failure } from '../domain/errors.js'
import { LARGEST_CHUNK_BYTES } from '../domain/manifest.js'
import { isShared } from '../sys/arena.js'
import { failureMessage } from '../sys/threads.js'
import { openFile } from './age-decrypt.js'
import { sealFile } from './age-encrypt.js'
import { chunkId } from './digest.js'
import type { PoolAnswer, PoolTask, SealTask, UnsealTask } from './pool.js'
import { compress, compressHere, decompress } from './zstd.js'

const port = parentPort
if (!port) throw new Error('pool-thread runs only as a thread')

port.on('message', async (task: PoolTask) => {
  try {
    const made = await perform(task)
    if (isShared(made)) return answer(made, [])
    // Only a buffer that owns its memory may be handed over whole.
    const bytes = made.byteLength === made.buffer.byteLength ? made : new Uint8Array(made)
    answer(bytes, [bytes.buffer as ArrayBuffer])
  } catch (thrown) {
    answer({ failure: failureMessage(thrown) }, [])
  }
})

async function perform(task: PoolTask): Promise<Uint8Array> {
  switch (task.name) {
    case 'seal':
      return seal(task)
    case 'unseal':
      return unseal(task)
    case 'compress':
      return compress(task.raw, task.level)
    default:
      return task satisfies never
  }
}

function seal(task: SealTask): Promise<Uint8Array> {
  // Sealed before anything else can be compressed over it.
  return sealFile(compressHere(task.raw, task.level), [task.recipient], task.room)
}

async function unseal(task: UnsealTask): Promise<Uint8Array> {
  const raw = decompress(await openFile(task.file, [task.identity]), task.bytes ?? LARGEST_CHUNK_BYTES)
  if (raw.length !== (task.bytes ?? raw.length) || chunkId(task.chunkIdKey, raw) !== task.id) {
    throw new Failure('object-corrupt', `chunk ${task.id} holds other bytes than its id says`)
  }
  return raw
}

function answer(message: PoolAnswer, transfer: ArrayBuffer[]): void {
  port?.postMessage(message, transfer)
}
