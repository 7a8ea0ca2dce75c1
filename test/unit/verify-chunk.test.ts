// Chunks read back one by one: a verdict is about the object alone, and a part of a stream is that very part.
import { afterAll, beforeEach, expect, it } from 'vitest'
import type { Manifest } from '../../src/domain/manifest.js'
import { placedChunks, readRange } from '../../src/repository/read-range.js'
import type { TenantKey } from '../../src/repository/tenant-keys.js'
import { verifyChunks } from '../../src/repository/verify-chunk.js'
import { chunkKey } from '../../src/store/keys.js'
import { failureOf } from '../kit/failing.js'
import { type Fault, faultyStore } from '../kit/faulty-store.js'
import { type MemoryStore, memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import { ACME, backUp, emptyStore, never, testRepository } from '../kit/repository.js'

let store: MemoryStore
let key: TenantKey
let manifest: Manifest
const bytes = noise(300_000, 1)
const repository = testRepository(memoryStore())

beforeEach(async () => {
  ;({ store, key } = await emptyStore(repository))
  manifest = await backUp(repository, ACME, bytes)
})

afterAll(() => repository.close())

const idOf = (n: number) => manifest.chunks[n]!.id
const keyOf = (n: number): string => chunkKey(ACME, idOf(n))
/** Verifies all chunks of the backup, with faults of the store. */
async function verify(...faults: Fault[]) {
  const faulty = faultyStore(store, faults)
  const sound: string[] = []
  const chunks = manifest.chunks.map(one => ({ ...one, storedBytes: null }))
  const options = { signal: never, onSound: (one: { id: string }) => void sound.push(one.id) }
  const damaged = await verifyChunks({ ...repository, store: faulty }, key, chunks, options)
  return { damaged: damaged.map(({ chunk, kind }) => [chunk, kind]), sound, calls: faulty.calls }
}

it('calls damaged what stays so, missing what is gone, and the others sound', async () => {
  await store.put(keyOf(1), Buffer.from('nonsense'))
  await store.delete(keyOf(2))
  const { damaged, sound } = await verify()
  expect(new Map(damaged as [string, string][])).toEqual(
    new Map([
      [idOf(1), 'corrupt'],
      [idOf(2), 'missing'],
    ]),
  )
  const rest = manifest.chunks.map(one => one.id).filter(id => id !== idOf(1) && id !== idOf(2))
  expect(new Set(sound)).toEqual(new Set(rest))
})

it('looks once more before it calls a chunk damaged: a bit may turn on its way', async () => {
  const where = new RegExp(idOf(1))
  const { damaged, sound, calls } = await verify({ on: 'get', key: where, effect: { flipBitAt: 900 } })
  expect(damaged).toEqual([])
  expect(sound).toContain(idOf(1))
  expect(calls.filter(one => where.test(one.key))).toHaveLength(2)
})

it('gives no verdict on anything while the store cannot be read, first or last', async () => {
  for (const n of [1, manifest.chunks.length - 1]) {
    for (const code of ['store-unreachable', 'store-denied', 'store-missing'] as const) {
      const away: Fault = { on: 'get', key: new RegExp(idOf(n)), effect: { fail: code } }
      expect((await failureOf(verify(away))).code).toBe(code)
    }
  }
})

it('gives the very part of a stream that was asked for, from any byte to any other, and fetches no other chunk', async () => {
  const places = placedChunks(manifest)
  const edges = [places[1]!, places.at(-1)!].flatMap(({ at }) => [at - 1, at, at + 1])
  const marks = [...new Set([0, 64, ...edges, bytes.length])].sort((a, b) => a - b)
  for (const from of marks) {
    for (const to of marks.filter(one => one > from)) {
      const faulty = faultyStore(store)
      const parts: Uint8Array[] = []
      const range = readRange(
        { ...repository, store: faulty },
        key,
        manifest,
        { from, to },
        { signal: never },
      )
      for await (const part of range) parts.push(part)
      expect(Buffer.concat(parts).equals(bytes.subarray(from, to)), `${from} to ${to}`).toBe(true)
      const within = places.filter(({ at, chunk }) => at < to && at + chunk.bytes > from)
      expect(faulty.calls.map(one => one.key).sort()).toEqual(
        within.map(({ chunk }) => chunkKey(ACME, chunk.id)).sort(),
      )
    }
  }
})
