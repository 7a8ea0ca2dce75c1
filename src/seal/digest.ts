// Names chunks by their content, under the subject's own key: equal bytes get equal names, and only there.
import { createHmac } from 'node:crypto'
import { Failure } from '../domain/errors.js'
import type { ChunkId } from '../domain/ids.js'

export const CHUNK_ID_KEY_BYTES = 32

/** HMAC-SHA256(key, plaintext) in hex. @throws Failure key-invalid unless the key has 32 bytes. */
export function chunkId(key: Uint8Array, plain: Uint8Array): ChunkId {
  if (key.length !== CHUNK_ID_KEY_BYTES) {
    throw new Failure('key-invalid', `a chunk-id key has ${key.length} bytes, not ${CHUNK_ID_KEY_BYTES}`)
  }
  return createHmac('sha256', key).update(plain).digest('hex') as ChunkId
}
