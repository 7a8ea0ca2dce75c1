// The sweep of one subject's chunks, deletion by deletion: none without the lease, none after a failure, and what was found is kept.
import { afterAll, beforeEach, expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { type ChunkId, parseChunkId } from '../../src/domain/ids.js'
import { References } from '../../src/repository/references.js'
import { type ChunkSweep, sweepChunks } from '../../src/repository/sweep-chunks.js'
import type { TenantKey } from '../../src/repository/tenant-keys.js'
import { readWaiting } from '../../src/repository/waiting-chunks.js'
import { chunkKey } from '../../src/store/keys.js'
import { manualClock } from '../kit/clock.js'
import { type FaultyStore, faultyStore } from '../kit/faulty-store.js'
import { type MemoryStore, memoryStore } from '../kit/memory-store.js'
import { ACME, emptyStore, never, testRepository } from '../kit/repository.js'

const GRACE_MS = 1_000_000
const ids = ['aa', 'bb', 'cc', 'dd', 'ee', 'ff'].map(pair => parseChunkId(pair.repeat(32)))
const repository = testRepository(memoryStore())
let clock: ReturnType<typeof manualClock>
let memory: MemoryStore
let store: FaultyStore
let key: TenantKey

beforeEach(async () => {
  clock = manualClock()
  ;({ store: memory, key } = await emptyStore(repository, clock))
  store = faultyStore(memory)
  repository.store = store
  for (const id of ids) await store.put(chunkKey(ACME, id), Buffer.from('x'))
})

afterAll(() => repository.close())

const sweep = (more: Partial<ChunkSweep> = {}) =>
  sweepChunks(store, key, {
    references: new References(),
    now: clock.now(),
    graceMs: GRACE_MS,
    transfers: 1,
    signal: never,
    confirm: () => {},
    onRemoval: () => {},
    ...more,
  })
const left = (): ChunkId[] => ids.filter(id => memory.objects.has(chunkKey(ACME, id)))
const waiting = async () => [...(await readWaiting(store, key)).since.keys()].sort()

test('goes when it has waited for the grace, and was written as long ago; to the very end of it', async () => {
  await sweep()
  await clock.advance(GRACE_MS - 1)
  await sweep()
  expect(left()).toEqual(ids)
  await store.put(chunkKey(ACME, ids[0]!), Buffer.from('anew'))
  await clock.advance(1)
  expect(await sweep()).toMatchObject({ removed: 5, removedBytes: 5, waiting: 1, waitingBytes: 4 })
  expect(left()).toEqual([ids[0]])
  await clock.advance(GRACE_MS - 1)
  expect((await sweep()).removed).toBe(1)
  expect(await waiting()).toEqual([])
})

test('none goes once the lease is lost, and nothing is written for whoever holds it now', async () => {
  await sweep()
  await clock.advance(GRACE_MS)
  const before = [...memory.objects.keys()].filter(where => where.includes('waiting'))
  let confirmed = 0
  const confirm = () => {
    confirmed += 1
    if (confirmed > 2) throw new Failure('lease-lost', 'it is gone')
  }
  await expect(sweep({ confirm })).rejects.toMatchObject({ code: 'lease-lost' })
  expect(left()).toEqual(ids.slice(2))
  expect([...memory.objects.keys()].filter(where => where.includes('waiting'))).toEqual(before)
})

test('none goes when the signal has fired', async () => {
  await sweep()
  await clock.advance(GRACE_MS)
  const stop = new AbortController()
  let confirmed = 0
  const confirm = () => {
    confirmed += 1
    if (confirmed === 2) stop.abort(new Failure('interrupted', 'stop'))
  }
  await expect(sweep({ confirm, signal: stop.signal })).rejects.toMatchObject({ code: 'interrupted' })
  expect(left()).toEqual(ids.slice(1))
})

test('none goes after one that failed; the others have waited all the same', async () => {
  await sweep()
  await clock.advance(GRACE_MS)
  store.add({ on: 'delete', key: /chunks/, nth: 3, effect: { fail: 'store-denied' } })
  await expect(sweep()).rejects.toMatchObject({ code: 'store-denied' })
  expect(left()).toEqual(ids.slice(2))
  expect(await waiting()).toEqual(ids.slice(2))
  expect((await sweep()).removed).toBe(4)
})

test('what a lock holds is told, and goes on waiting', async () => {
  await sweep()
  await clock.advance(GRACE_MS)
  store.add({ on: 'delete', key: /chunks/, nth: 2, effect: { fail: 'store-locked' } })
  expect(await sweep()).toMatchObject({ removed: 5, locked: [ids[1]], waiting: 1 })
  expect(await waiting()).toEqual([ids[1]])
})

test('no more are sent at once than may be, and each is told of before', async () => {
  await sweep()
  await clock.advance(GRACE_MS)
  let [running, most] = [0, 0]
  const told: ChunkId[] = []
  const inner = store.delete
  store.delete = async (where, options) => {
    running += 1
    most = Math.max(most, running)
    if (where.includes('chunks')) expect(told).toHaveLength(ids.length)
    await inner(where, options)
    running -= 1
  }
  await sweep({ transfers: 2, onRemoval: some => told.push(...some.map(chunk => chunk.id)) })
  expect([most, left()]).toEqual([2, []])
})
