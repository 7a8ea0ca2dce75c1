// Reads the large objects' data blocks: one in archives of PostgreSQL 16 and older, any number since 17.
// Guarantees one digest for the same objects whatever the blocks, their order or their chunks were.
// Layout: _StartLOs, _StartLO, _EndLO, _EndLOs in src/bin/pg_dump/pg_backup_custom.c.
import { createHash, type Hash } from 'node:crypto'
import type { LargeObjectFacts } from '../../domain/manifest.js'
import type { Source, Step } from './source.js'

/** pg_dump's own are of 16 KiB (LOBBUFSIZE in src/bin/pg_dump/pg_backup_archiver.h); this bound is for damage. */
const MAX_CHUNK_BYTES = 0x3fffffff

export interface ObjectReader {
  /** Reads one block to its end. @throws Failure dump-invalid */
  block(source: Source): Step<void>
  facts(): LargeObjectFacts
}

export function createObjectReader(): ObjectReader {
  const records: string[] = []
  let bytes = 0
  return {
    *block(source) {
      for (let oid = yield* source.int(); oid !== 0; oid = yield* source.int()) {
        // An oid is unsigned, but written as a signed number.
        const object = yield* readObject(source, oid >>> 0)
        records.push(object.record)
        bytes += object.bytes
      }
    },
    facts: () => ({ count: records.length, bytes, sha256: digestOf(records) }),
  }
}

/** The record as a string of one character a byte: small in memory, and sorted by oid as it stands. */
function* readObject(source: Source, oid: number): Step<{ record: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  for (let length = yield* source.int(); length !== 0; length = yield* source.int()) {
    if (length < 0 || length > MAX_CHUNK_BYTES) throw source.invalid('a chunk has an impossible length')
    bytes += length
    yield* readChunk(source, length, hash)
  }
  const head = Buffer.alloc(16)
  head.writeBigUInt64BE(BigInt(oid), 0)
  head.writeBigUInt64BE(BigInt(bytes), 8)
  return { record: Buffer.concat([head, hash.digest()]).toString('latin1'), bytes }
}

function* readChunk(source: Source, length: number, hash: Hash): Step<void> {
  for (let missing = length; missing > 0; ) {
    yield* source.some()
    const part = source.rest.subarray(0, missing)
    hash.update(part)
    source.skip(part.length)
    missing -= part.length
  }
}

/**
 * SHA-256 over one record for each object, by ascending oid: oid and length in bytes as eight bytes each, high byte
 * first, then the SHA-256 of the content. By oid, because PostgreSQL 17 dumps them grouped by their owners' oids, which
 * are others on another server.
 */
function digestOf(records: readonly string[]): string {
  const hash = createHash('sha256')
  for (const record of records.toSorted()) hash.update(record, 'latin1')
  return hash.digest('hex')
}
