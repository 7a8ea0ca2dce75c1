// Small records in the store: what is of no use protects and never frees, what is not ours stays, and a list of chunks that wait
// to be deleted is never lost halfway.
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { asFailure } from '../../src/domain/errors.js'
import { type BackupId, type ChunkId, newBackupId, parseChunkId, parseInstant } from '../../src/domain/ids.js'
import { pinSchema } from '../../src/domain/records.js'
import { listMarked, markDamage, takeMarkOff } from '../../src/repository/damage.js'
import { putRecord, readRecord } from '../../src/repository/records.js'
import { References } from '../../src/repository/references.js'
import { readSayings } from '../../src/repository/standing.js'
import { sweepProbes } from '../../src/repository/sweep-probes.js'
import { sweepRecords } from '../../src/repository/sweep-records.js'
import { ensureTenantKey, type TenantKey } from '../../src/repository/tenant-keys.js'
import { readWaiting, replaceWaiting } from '../../src/repository/waiting-chunks.js'
import { damageKey, damagePrefix, pinKey, pinsPrefix, proofKey, waitingPrefix } from '../../src/store/keys.js'
import { manualClock } from '../kit/clock.js'
import { failureOf } from '../kit/failing.js'
import { type FaultyStore, faultyStore } from '../kit/faulty-store.js'
import { type MemoryStore, memoryStore } from '../kit/memory-store.js'
import { ACME, emptyStore, GLOBEX, never, testRepository } from '../kit/repository.js'

const repository = testRepository(memoryStore())
const options = { signal: never }
const now = new Date('2026-11-23T02:00:00.000Z')
const [one, two, three] = ['aa', 'bb', 'cc'].map(pair => parseChunkId(pair.repeat(32))) as [
  ChunkId,
  ChunkId,
  ChunkId,
]
let clock: ReturnType<typeof manualClock>
let memory: MemoryStore
let store: FaultyStore
let key: TenantKey

beforeEach(async () => {
  clock = manualClock()
  ;({ store: memory, key } = await emptyStore(repository, clock))
  store = faultyStore(memory)
  repository.store = store
})

afterAll(() => repository.close())

const below = (prefix: string): string[] =>
  [...memory.objects.keys()].filter(where => where.startsWith(prefix))
const pinOf = (backup: BackupId) => ({ format: 1, backup, at: now.toISOString(), who: 'me', why: 'audit' })

describe('a record', () => {
  test.each([
    ['sealed for another key', async () => ensureTenantKey(repository, GLOBEX), pinOf(newBackupId())],
    ['of another shape', async () => key, { format: 1 }],
    ['of a later format', async () => key, { ...pinOf(newBackupId()), format: 2 }],
  ])('%s is of no use, and leaves its backup in doubt', async (_, keyOf, record) => {
    const backup = newBackupId()
    await putRecord(store, await keyOf(), pinKey(ACME, backup), record)
    const failure = await failureOf(readRecord(store, key, pinKey(ACME, backup), pinSchema))
    expect([failure.code, failure.message]).toEqual([
      'object-corrupt',
      `the record ${pinKey(ACME, backup)} cannot be used`,
    ])
    const { doubtful, pins } = await readSayings(store, key)
    expect([[...doubtful.keys()], pins.size]).toEqual([[backup], 0])
  })

  test('is written once', async () => {
    const where = pinKey(ACME, newBackupId())
    await putRecord(store, key, where, { first: true })
    expect((await failureOf(putRecord(store, key, where, {}))).code).toBe('store-conflict')
  })
})

describe('a mark of damage', () => {
  const damage = { chunk: one, key: 'chunk', kind: 'missing', message: 'it is gone' } as const

  test('stays as it is when the chunk is marked again, and goes when it is taken off', async () => {
    await markDamage(store, key, damage, now)
    const first = memory.objects.get(damageKey(ACME, one))?.body
    await markDamage(store, key, { ...damage, kind: 'corrupt' }, now)
    expect(memory.objects.get(damageKey(ACME, one))?.body).toEqual(first)
    await takeMarkOff(store, ACME, one)
    expect(await listMarked(store, ACME)).toEqual(new Set())
  })

  test('that cannot be stored is no mark: it is told', async () => {
    store.add({ on: 'put', effect: { fail: 'store-full' } })
    expect((await failureOf(markDamage(store, key, damage, now))).code).toBe('store-full')
  })

  test('is told by its name alone, and other names are none', async () => {
    await store.put(damageKey(ACME, two), Buffer.from('rubbish'))
    await store.put(`${damagePrefix(ACME)}notes.json.age`, Buffer.from('rubbish'))
    expect(await listMarked(store, ACME)).toEqual(new Set([two]))
  })
})

describe('sweeping records', () => {
  const [kept, gone] = [newBackupId(), newBackupId()]
  const at = parseInstant('20261123T021500.000Z')
  const named = new References()
  named.add(kept, [{ id: one, bytes: 9, storedBytes: 9 }])
  const sweep = (chunks: Parameters<typeof sweepRecords>[2]['chunks']) =>
    sweepRecords(store, key, { backups: new Set([kept]), chunks }, options)
  const ours = [pinKey(ACME, gone), proofKey(ACME, gone, at)]

  beforeEach(async () => {
    const rest = [pinKey(ACME, kept), proofKey(ACME, kept, at), `${pinsPrefix(ACME)}read me.txt`]
    for (const where of [...ours, ...rest, ...[one, two, three].map(id => damageKey(ACME, id))])
      await store.put(where, Buffer.from('x'))
  })

  test('takes those of backups and chunks that are not there, and nothing else', async () => {
    const before = memory.objects.size
    expect(await sweep({ named, unnamed: new Set([two]) })).toEqual([...ours, damageKey(ACME, three)])
    expect(memory.objects.size).toBe(before - 3)
  })

  test('leaves every mark where nobody knows which chunks are needed', async () => {
    expect(await sweep(null)).toEqual(ours)
  })

  test('leaves what a lock holds, and is told of every other failure', async () => {
    store.add({ on: 'delete', key: /pins/, effect: { fail: 'store-locked' } })
    expect(await sweep(null)).toEqual([ours[1]])
    expect(memory.objects.has(ours[0]!)).toBe(true)
    store.add({ on: 'delete', key: /pins/, effect: { fail: 'store-denied' } })
    expect((await failureOf(sweep(null))).code).toBe('store-denied')
  })
})

test('probes go an hour after their last sign of life by the store’s clock; leases stay', async () => {
  const [old, young] = [1, 2].map(n => `platform/probe-${'0'.repeat(15)}${n}/one`) as [string, string]
  for (const where of [old, 'platform/leases/daemon.json']) await store.put(where, Buffer.from('x'))
  await clock.advance(3_000_000)
  await store.put(young, Buffer.from('x'))
  expect(await sweepProbes(store, options)).toEqual([])
  await clock.advance(700_000)
  await store.put('platform/leases/tenants/acme.json', Buffer.from('x'))
  store.add({ on: 'delete', effect: { fail: 'store-locked' } })
  expect(await sweepProbes(store, options)).toEqual([])
  expect(await sweepProbes(store, options)).toEqual([old])
  expect(below('platform/probe')).toEqual([young])
  expect(below('platform/leases')).toHaveLength(2)
})

describe('chunks that wait', () => {
  const read = () => readWaiting(store, key)
  const replace = async (since: [ChunkId, number][], at = now) =>
    replaceWaiting(store, key, { before: await read(), since: new Map(since), now: at })

  test('are those of the newest list, also when the clock was set back, and of none that a lock still holds', async () => {
    await replace([[one, 1000]])
    store.add({ on: 'delete', key: /waiting/, times: Infinity, effect: { fail: 'store-locked' } })
    await replace(
      [
        [one, 1000],
        [two, 2000],
      ],
      new Date(now.getTime() - 86_400_000),
    )
    expect(below(waitingPrefix(ACME))).toHaveLength(2)
    expect((await read()).since).toEqual(
      new Map([
        [one, 1000],
        [two, 2000],
      ]),
    )
    // An empty list counts as well.
    await replace([])
    expect((await read()).since.size).toBe(0)
  })

  test('are written anew when any of them, or its time, is another; and not when all are the same', async () => {
    const lists: [ChunkId, number][][] = [
      [[one, 1000]],
      [
        [one, 1000],
        [two, 1000],
      ],
      [[one, 1000]],
      [[one, 5]],
      [[two, 5]],
    ]
    let before: string[] = []
    for (const list of lists) {
      await replace(list)
      const after = below(waitingPrefix(ACME))
      expect(after).toHaveLength(1)
      expect(after).not.toEqual(before)
      before = after
      await replace(list)
      expect(below(waitingPrefix(ACME))).toEqual(before)
      expect((await read()).since).toEqual(new Map(list))
    }
  })

  test('are not forgotten when the next list cannot be stored', async () => {
    await replace([[one, 1000]])
    store.add({ on: 'put', effect: { fail: 'store-full' } })
    await expect(replace([[two, 2000]])).rejects.toMatchObject({ code: 'store-full' })
    expect((await read()).since).toEqual(new Map([[one, 1000]]))
  })

  test('wait anew when their list cannot be read, and a store that cannot be asked gives none', async () => {
    await replace([[one, 1000]])
    const [where] = below(waitingPrefix(ACME))
    await store.put(where!, Buffer.from('rubbish'))
    await store.put(`${waitingPrefix(ACME)}zzz.json.age`, Buffer.from('of somebody else'))
    expect(await read()).toMatchObject({
      since: new Map(),
      keys: [where],
      unreadable: { code: 'object-corrupt' },
    })
    // Nothing waits, as it seems: what cannot be read is replaced all the same.
    await replace([])
    expect(await read()).toMatchObject({ unreadable: null })
    store.add({ on: 'get', effect: { fail: 'store-denied' } })
    expect((await failureOf(read())).code).toBe('store-denied')
  })
})

test('references know who names a chunk, once for each backup, and forget who is gone', () => {
  const references = new References()
  const [first, second] = [newBackupId(), newBackupId()]
  const chunk = (id: ChunkId, storedBytes: number) => ({ id, bytes: 9, storedBytes })
  references.add(first, [chunk(one, 10), chunk(two, 20), chunk(one, 10)])
  references.add(second, [chunk(two, 20), chunk(three, 40), chunk(three, 40)])
  const told = () => [one, two, three].map(id => references.names(id))
  expect(told()).toEqual([true, true, true])
  expect([[first], [second], [first, second]].map(some => references.bytesOnlyIn(some))).toEqual([10, 40, 70])
  references.drop(first)
  references.drop(first)
  expect(told()).toEqual([false, true, true])
  expect(references.bytesOnlyIn([second])).toBe(60)
  expect([references.holds(first), references.holds(second)]).toEqual([false, true])
})

test('what tells of the store, or of us, says nothing of one object', async () => {
  for (const code of ['store-denied', 'key-wrong', 'interrupted'] as const) {
    store.heal()
    await store.put(pinKey(ACME, newBackupId()), Buffer.from('x'))
    store.add({ on: 'get', effect: { fail: code } })
    expect(asFailure(await readSayings(store, key).catch(thrown => thrown))).toMatchObject({ code })
  }
})
