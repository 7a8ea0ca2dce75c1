// What a sealing thread does: one chunk in, one chunk out; failures travel as data.
import { Piscina } from 'piscina'
import { Failure } from '../domain/errors.js'
import { failureMessage } from '../sys/threads.js'
import { openFile } from './age-decrypt.js'
import { sealFile } from './age-encrypt.js'
import { chunkId } from './digest.js'
import type { PoolAnswer, SealTask, UnsealTask } from './pool.js'
import { compress, decompress } from './zstd.js'

export function seal(task: SealTask): Promise<PoolAnswer> {
  return answer(() => sealFile(compress(task.raw, task.level), [task.recipient]))
}

export function unseal(task: UnsealTask): Promise<PoolAnswer> {
  return answer(async () => {
    const raw = decompress(await openFile(task.file, [task.identity]), task.bytes)
    if (raw.length !== task.bytes || chunkId(task.chunkIdKey, raw) !== task.id) {
      throw new Failure('object-corrupt', `chunk ${task.id} holds other bytes than its id says`)
    }
    return raw
  })
}

async function answer(work: () => Promise<Uint8Array>): Promise<PoolAnswer> {
  try {
    const made = await work()
    const bytes = made.byteLength === made.buffer.byteLength ? made : new Uint8Array(made)
    return Piscina.move(bytes as Uint8Array<ArrayBuffer>) as PoolAnswer
  } catch (thrown) {
    return { failure: failureMessage(thrown) }
  }
}
