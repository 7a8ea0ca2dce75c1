// The published age test vectors (https://c2sp.org/CCTV/age), whole and as streams.
import { createHash } from 'node:crypto'
import { inflateSync } from 'node:zlib'
import * as published from 'cctv-age'
import { describe, expect, test } from 'vitest'
import type { Failure } from '../../src/domain/errors.js'
import { openFile, openStream } from '../../src/seal/age-decrypt.js'
import {
  NONCE_BYTES,
  openPiece,
  PLAIN_PIECE_BYTES,
  payloadKey,
  SEALED_PIECE_BYTES,
} from '../../src/seal/payload.js'

const COUNTS = { run: 67, armor: 33, passphrase: 25, 'post-quantum': 18 }
const OUTCOMES = {
  success: 14,
  'no match': 3,
  'header failure': 31,
  'HMAC failure': 1,
  'payload failure': 18,
}
const HELD_BACK = [
  'stream_no_final_full',
  'stream_no_final_two_chunks_full',
  'stream_trailing_garbage_long',
  'stream_trailing_garbage_short',
  'stream_two_final_chunks',
  'stream_two_final_chunks_full',
  'stream_two_final_chunks_second',
]

interface Vector {
  name: string
  expect: string
  payload: string | undefined
  identities: string[]
  fileKey: Buffer
  unsupported: 'armor' | 'passphrase' | 'post-quantum' | null
  file: Buffer
}

function parseVector(name: string, bytes: Uint8Array): Vector {
  const raw = Buffer.from(bytes)
  const split = raw.indexOf('\n\n')
  const fields = raw
    .subarray(0, split)
    .toString()
    .split('\n')
    .map(line => line.split(': ', 2) as [string, string])
  const all = (key: string) => fields.filter(field => field[0] === key).map(field => field[1])
  const body = raw.subarray(split + 2)
  const identities = all('identity')
  const unsupported = all('armored')[0]
    ? 'armor'
    : all('passphrase')[0]
      ? 'passphrase'
      : identities.some(identity => identity.startsWith('AGE-SECRET-KEY-PQ-'))
        ? 'post-quantum'
        : null
  return {
    name,
    expect: all('expect')[0]!,
    payload: all('payload')[0],
    identities,
    fileKey: Buffer.from(all('file key')[0] ?? '', 'hex'),
    unsupported,
    file: all('compressed')[0] === 'zlib' ? inflateSync(body) : body,
  }
}

const FAILURES: Record<string, object> = {
  'no match': { code: 'key-wrong' },
  'HMAC failure': { code: 'object-corrupt', facts: { part: 'header' } },
  'header failure': { code: 'object-corrupt', facts: { part: 'header' } },
  'payload failure': { code: 'object-corrupt', facts: { part: 'payload' } },
}

const vectors = Object.entries(published as unknown as Record<string, Uint8Array>)
  .filter(([, value]) => value instanceof Uint8Array)
  .map(([name, bytes]) => parseVector(name, bytes))
const supported = vectors.filter(vector => vector.unsupported === null)

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const count = (items: readonly string[]) =>
  Object.fromEntries([...new Set(items)].map(item => [item, items.filter(one => one === item).length]))

async function* inParts(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/**
 * The piece that the stream held back. The hashes of some failures count a piece that the reference gives out before it
 * finds that the piece's mark as last, or the lack of it, does not fit its place; ours gives out only what fits.
 */
function heldBack(vector: Vector, givenOut: number): Uint8Array {
  const nonceAt = vector.file.indexOf('\n', vector.file.indexOf('\n---') + 1) + 1
  const payload = vector.file.subarray(nonceAt + NONCE_BYTES)
  const key = payloadKey(vector.fileKey, vector.file.subarray(nonceAt, nonceAt + NONCE_BYTES))
  const index = givenOut / PLAIN_PIECE_BYTES
  const piece = payload.subarray(index * SEALED_PIECE_BYTES, (index + 1) * SEALED_PIECE_BYTES)
  for (const last of [false, true]) {
    try {
      return openPiece(key, index, last, piece)
    } catch {}
  }
  return new Uint8Array()
}

/** What a stream gave out, and how it ended. */
async function readStream(vector: Vector, partBytes: number) {
  const parts: Buffer[] = []
  let failure: Failure | null = null
  try {
    for await (const part of openStream(inParts(vector.file, partBytes), vector.identities))
      parts.push(Buffer.from(part))
  } catch (error) {
    failure = error as Failure
  }
  return { plain: Buffer.concat(parts), failure }
}

test('every vector is there: run, or left out for a named reason', () => {
  expect(count(vectors.map(vector => vector.unsupported ?? 'run'))).toEqual(COUNTS)
  expect(count(supported.map(vector => vector.expect))).toEqual(OUTCOMES)
})

describe.each(supported)('$name: $expect', vector => {
  test('whole', async () => {
    const opened = openFile(vector.file, vector.identities)
    if (vector.expect === 'success') expect(sha256(await opened)).toBe(vector.payload)
    else await expect(opened).rejects.toMatchObject(FAILURES[vector.expect]!)
  })

  test.each([1, 4096, 1_000_000])('as a stream in parts of %i', async partBytes => {
    if (partBytes === 1 && vector.file.length > 300_000) return
    const { plain, failure } = await readStream(vector, partBytes)
    const wrongPlace = HELD_BACK.includes(vector.name) ? heldBack(vector, plain.length) : new Uint8Array()
    if (vector.payload) expect(sha256(Buffer.concat([plain, wrongPlace]))).toBe(vector.payload)
    if (vector.expect === 'success') expect(failure).toBeNull()
    else expect(failure).toMatchObject(FAILURES[vector.expect]!)
  })
})
