// The stream of a backup stored without the intake's thread, in pieces of one length: for tests of what happens to many backups
// afterwards. What is there already is asked as every dump asks it.
import type { ManifestChunk } from '../../src/domain/manifest.js'
import { HEAD_BYTES } from '../../src/repository/intake.js'
import { knownChunks } from '../../src/repository/known-chunks.js'
import type { Repository } from '../../src/repository/repository.js'
import type { WrittenStream } from '../../src/repository/write-stream.js'
import { chunkId } from '../../src/seal/digest.js'
import type { TenantKey } from '../../src/seal/tenant-key.js'
import { chunkKey } from '../../src/store/keys.js'
import { never } from './repository.js'

export const PIECE_BYTES = 16_384

/** Stores `bytes` as writeStream does, cut after every PIECE_BYTES. */
export async function writePlainly(
  repository: Repository,
  key: TenantKey,
  bytes: Uint8Array,
): Promise<WrittenStream> {
  const { store, seals } = repository
  const { whole: known } = await knownChunks(store, key, { signal: never })
  const chunks: ManifestChunk[] = []
  const stored = { newBytes: 0, newStoredBytes: 0, reusedBytes: 0, newChunks: 0, reusedChunks: 0 }
  for (let at = HEAD_BYTES; at < bytes.length; at += PIECE_BYTES) {
    const raw = Buffer.from(bytes.subarray(at, at + PIECE_BYTES))
    const entry = { id: chunkId(key.chunkIdKey, raw), bytes: raw.length, storedBytes: 0 }
    chunks.push(entry)
    const there = known.storedBytes(entry.id)
    if (there !== null) {
      entry.storedBytes = there
      stored.reusedChunks += 1
      stored.reusedBytes += entry.bytes
      continue
    }
    const sealed = await seals.seal({ raw: new Uint8Array(raw), level: 1, recipient: key.recipient })
    await store.put(chunkKey(key.subject, entry.id), sealed)
    known.add(entry.id, sealed.length)
    entry.storedBytes = sealed.length
    stored.newChunks += 1
    stored.newBytes += entry.bytes
    stored.newStoredBytes += sealed.length
  }
  const head = Buffer.from(bytes.subarray(0, HEAD_BYTES)).toString('base64')
  return { bytes: bytes.length, head, facts: null, chunks, stored, healed: [], marked: [] }
}
