// Reading a backup back: every chunk checked, every damage named, in order, with a bounded number ahead.
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { asFailure, type Failure } from '../../src/domain/errors.js'
import type { Manifest } from '../../src/domain/manifest.js'
import { readStream } from '../../src/repository/read-stream.js'
import type { TenantKey } from '../../src/repository/tenant-keys.js'
import { chunkKey } from '../../src/store/keys.js'
import { until } from '../kit/clock.js'
import { faultyStore } from '../kit/faulty-store.js'
import { type MemoryStore, memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import { ACME, backUp, emptyStore, GLOBEX, never, readBack, testRepository } from '../kit/repository.js'

let store: MemoryStore
let key: TenantKey
let manifest: Manifest
const bytes = noise(600_000, 1)
const repository = testRepository(memoryStore())

beforeEach(async () => {
  ;({ store, key } = await emptyStore(repository))
  manifest = await backUp(repository, ACME, bytes)
})

afterAll(() => repository.close())

const failure = async (signal = never): Promise<Failure> =>
  readBack(repository, key, manifest, signal).then(() => expect.unreachable(), asFailure)
const keyOf = (n: number): string => chunkKey(ACME, manifest.chunks[n]!.id)
const bodyOf = (where: string): Buffer => store.objects.get(where)!.body

it('names the chunk and the backup for every way a chunk can be wrong, and gives nothing from there on', async () => {
  const other = await backUp(repository, GLOBEX, bytes)
  const where = keyOf(5)
  const body = bodyOf(where)
  const damages: [string, Buffer | null][] = [
    ['object-missing', null],
    ['object-corrupt', Buffer.alloc(0)],
    ['object-corrupt', body.subarray(0, body.length - 1)],
    ['object-corrupt', Buffer.concat([body, Buffer.from([0])])],
    ['object-corrupt', bodyOf(keyOf(6))],
    ['object-corrupt', bodyOf(chunkKey(GLOBEX, other.chunks[5]!.id))],
    ...[0, 30, 100, 170, 210, body.length - 1].map((at): [string, Buffer] => [
      'object-corrupt',
      flipped(body, at),
    ]),
  ]
  for (const [code, damaged] of damages) {
    if (damaged) await store.put(where, damaged)
    else await store.delete(where)
    const told = await failure()
    expect(told.code).toBe(code)
    expect(told.message).toBe(`chunk ${where} of backup ${manifest.backup} (acme) cannot be used`)
    const { backup } = manifest
    expect(told.facts).toEqual({ chunk: where, backup, subject: ACME })
    const given: Uint8Array[] = []
    const reading = async () => {
      for await (const part of readStream(repository, key, manifest, { signal: never })) given.push(part)
    }
    await expect(reading()).rejects.toThrow()
    const before = manifest.chunks.slice(0, 5).reduce((sum, one) => sum + one.bytes, 64)
    expect(Buffer.concat(given).equals(bytes.subarray(0, before))).toBe(true)
  }
})

it('sees a chunk that is sound but not of the length its manifest says', async () => {
  const [a, b, ...rest] = manifest.chunks
  expect(a!.bytes).not.toBe(b!.bytes)
  manifest = { ...manifest, chunks: [{ ...a!, bytes: b!.bytes }, { ...b!, bytes: a!.bytes }, ...rest] }
  const told = await failure()
  expect([told.code, told.message]).toEqual([
    'object-corrupt',
    `chunk ${keyOf(0)} of backup ${manifest.backup} (acme) cannot be used`,
  ])
})

it('tells a store that is away from damage', async () => {
  repository.store = faultyStore(store, [
    { on: 'get', key: /chunks/, nth: 3, effect: { fail: 'store-busy' } },
  ])
  expect((await failure()).code).toBe('store-busy')
})

it('fetches as many ahead as it may, and none any more once its reader has left', async () => {
  let running = 0
  let most = 0
  let begun = 0
  repository.store = {
    ...store,
    get: async (where, how) => {
      begun += 1
      most = Math.max(most, ++running)
      await pause(2)
      running -= 1
      return store.get(where, how)
    },
  }
  expect((await readBack(repository, key, manifest)).equals(bytes)).toBe(true)
  expect(most).toBeLessThanOrEqual(repository.transfers)
  expect(begun).toBe(manifest.chunks.length)
  begun = 0
  for await (const part of readStream(repository, key, manifest, { signal: never })) if (part) break
  await pause(50)
  expect(begun).toBeLessThanOrEqual(repository.transfers)
})

it('does not wait for what is behind a bad chunk', async () => {
  await store.put(keyOf(0), Buffer.alloc(300))
  repository.store = faultyStore(store, [{ on: 'get', key: new RegExp(keyOf(1)), effect: { hang: true } }])
  const gone: string[] = []
  const { get } = repository.store
  repository.store = {
    ...repository.store,
    get: (where, how) =>
      get(where, how).catch(thrown => {
        gone.push(where)
        throw thrown
      }),
  }
  expect((await failure()).code).toBe('object-corrupt')
  await until(() => gone.includes(keyOf(1)))
})

it('ends with the reason of its signal', async () => {
  const controller = new AbortController()
  repository.store = faultyStore(store, [{ on: 'get', key: /chunks/, nth: 5, effect: { hang: true } }])
  setTimeout(() => controller.abort(), 30)
  expect((await failure(controller.signal)).code).toBe('interrupted')
})

function flipped(body: Buffer, at: number): Buffer {
  const copy = Buffer.from(body)
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at)
  return copy
}
