// Sweeps that are disturbed: a store that fails in the middle, half listings, locks, a second sweeper, clocks a year off, and a
// sweep that lost its lease while a dump goes on. What is kept always restores, and the next sweep finishes the work.
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Manifest } from '../../src/domain/manifest.js'
import { withSubjectLease } from '../../src/jobs/subject-lease.js'
import { viewRetention } from '../../src/jobs/view-retention.js'
import { acquireLease } from '../../src/repository/lease.js'
import { listManifests, readManifest } from '../../src/repository/manifests.js'
import { openTenantKey } from '../../src/repository/tenant-keys.js'
import { chunkKey, leaseKey } from '../../src/store/keys.js'
import type { Store } from '../../src/store/port.js'
import { DAY_MS } from '../kit/copies.js'
import { type FakeClock, fakeClock } from '../kit/fake-clock.js'
import { type FaultyStore, faultyStore } from '../kit/faulty-store.js'
import { type MemoryStore, memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import { ACME, GLOBEX, readBack, testRepository } from '../kit/repository.js'
import { type Sweeping, sweeping } from '../kit/sweeping.js'

const TWO = {
  ...{ keep: { scheduled: { daily: 2 } }, minimum: 1, grace: '7d' },
  fuse: { percent: 100, backups: 1000 },
}
const threads = testRepository(memoryStore())
const HALF = noise(60_000, 1)
const data = (night: number): Buffer => Buffer.concat([HALF, noise(60_000, 100 + night)])

let clock: FakeClock
let memory: MemoryStore
let store: FaultyStore
let here: Sweeping
let contents: Map<string, Buffer>

beforeEach(async () => {
  clock = fakeClock('2026-11-01T01:30:00Z')
  memory = memoryStore(clock)
  store = faultyStore(memory)
  here = await sweeping(store, clock, TWO, threads)
  contents = new Map()
})

afterEach(() => here.close())
afterAll(() => threads.close())

async function backUp(night: number, subject = ACME): Promise<Manifest> {
  const manifest = await here.backUp(subject, data(night))
  contents.set(manifest.backup, data(night))
  return manifest
}

const lasting = (key: string): boolean => !key.includes('/waiting/')

/** A tenant with two kept nights, two that go, and chunks of two more that are due. */
async function scene(): Promise<void> {
  for (let night = 0; night < 4; night++) {
    await backUp(night)
    await here.sweep()
    clock.pass(DAY_MS)
  }
  clock.pass(7 * DAY_MS)
  for (let night = 4; night < 6; night++) {
    await backUp(night)
    if (night < 5) clock.pass(DAY_MS)
  }
}

/** Every backup that is listed restores to what it was. */
async function allRestore(): Promise<number> {
  const names = [...(await listManifests(memory, ACME)), ...(await listManifests(memory, GLOBEX))]
  for (const name of names) {
    const key = await openTenantKey(memory, here.repository.keyring, name.subject)
    const bytes = await readBack(
      { ...here.repository, store: memory },
      key,
      await readManifest(memory, key, name),
    )
    expect(bytes.equals(contents.get(name.backup) ?? Buffer.alloc(0))).toBe(true)
  }
  return names.length
}

const held = (prefix: string): string[] =>
  [...memory.objects.keys()].filter(key => key.startsWith(prefix)).sort()

/** What a sweep that nobody disturbs leaves of the same scene. */
async function undisturbed(): Promise<string[]> {
  const objects = new Map(memory.objects)
  await here.sweep()
  const left = held('tenants/').filter(lasting)
  memory.objects.clear()
  for (const [key, object] of objects) memory.objects.set(key, object)
  return left
}

describe('a store that fails in the middle of a sweep', () => {
  test.each([
    ['the first manifest cannot be deleted', { on: 'delete', key: /manifests/, nth: 1 }],
    ['the second manifest cannot be deleted', { on: 'delete', key: /manifests/, nth: 2 }],
    ['a chunk cannot be deleted', { on: 'delete', key: /chunks/, nth: 1 }],
    ['a later chunk cannot be deleted', { on: 'delete', key: /chunks/, nth: 4 }],
    ['the list of waiting chunks cannot be written', { on: 'put', key: /waiting/ }],
    ['the list of waiting chunks cannot be read', { on: 'get', key: /waiting/ }],
    ['the chunks cannot be listed', { on: 'list', key: /chunks/ }],
    ['the key cannot be read', { on: 'get', key: /key\.age/, nth: 2 }],
    ['a manifest cannot be fetched', { on: 'get', key: /manifests/, nth: 2 }],
  ] as const)('%s: it is said, what is kept restores, and the next sweep finishes', async (_, fault) => {
    await scene()
    const target = await undisturbed()
    store.add({ ...fault, times: Infinity, effect: { fail: 'store-denied' } })
    const { run } = await here.sweep()
    expect(run.outcome).toBe('failed')
    expect(run.error?.code).toBe('store-denied')
    store.heal()
    await allRestore()
    const again = await here.sweep()
    expect(again.failure).toBeNull()
    expect(held('tenants/').filter(lasting)).toEqual(target)
    expect(await allRestore()).toBe(2)
  })

  test.each([/manifests/, /chunks/, /proofs/, /pins/, /damage/, /waiting/])(
    'a listing of %s that stops half-way deletes nothing',
    async key => {
      await scene()
      const before = held('tenants/')
      store.add({
        on: 'list',
        key,
        times: Infinity,
        effect: { failAfterItems: 1, fail: 'store-unreachable' },
      })
      const { run } = await here.sweep()
      expect(run.outcome).toBe('failed')
      const manifests = (keys: string[]) => keys.filter(one => !/manifests/.test(one))
      // The chunks are listed when the manifests are gone; whatever is listed, what it could name stays.
      expect(manifests(held('tenants/'))).toEqual(manifests(before))
      if (!/chunks|waiting/.test(key.source)) expect(held('tenants/')).toEqual(before)
    },
  )

  test('an answer that is lost is a deletion all the same: the next sweep goes on from there', async () => {
    await scene()
    const target = await undisturbed()
    store.add({ on: 'delete', key: /manifests/, effect: { failAfter: 'store-unreachable' } })
    await here.sweep()
    await here.sweep()
    expect(held('tenants/').filter(lasting)).toEqual(target)
  })

  test('another subject is swept all the same, and the run is partial', async () => {
    await scene()
    await backUp(7, GLOBEX)
    store.add({ on: 'delete', key: /acme.*manifests/, times: Infinity, effect: { fail: 'store-denied' } })
    const { run, report } = await here.sweep()
    expect(run.outcome).toBe('partial')
    expect(report?.swept.map(one => one.subject)).toEqual([GLOBEX])
    expect(here.events('sweep-failed')).toMatchObject([
      { subject: ACME, facts: { error: { code: 'store-denied' } } },
    ])
  })
})

test('what cannot be tidied up in the end is told, and costs nothing of what was done', async () => {
  await scene()
  const target = await undisturbed()
  store.add({ on: 'list', key: /probe/, times: Infinity, effect: { fail: 'store-unreachable' } })
  const { run, report } = await here.sweep()
  expect(run.outcome).toBe('partial')
  expect(report?.swept[0]?.removed).not.toHaveLength(0)
  expect(report?.untidied.map(({ code }) => code)).toEqual(['store-unreachable'])
  expect(here.events('sweep-failed')).toMatchObject([
    { subject: null, facts: { error: { code: 'store-unreachable' } } },
  ])
  expect(held('tenants/').filter(lasting)).toEqual(target.filter(lasting))
  store.heal()
  expect((await here.sweep()).run.outcome).toBe('succeeded')
})

test('the journal forgets nights of long ago, and nothing by a clock that the store contradicts', async () => {
  await scene()
  const told = here.events('sweep-planned')
  const ahead = Object.create(clock, { now: { value: () => new Date(clock.now().getTime() + 500 * DAY_MS) } })
  await here.sweep({ parts: { clock: ahead } })
  expect(here.events('sweep-planned').slice(0, told.length)).toEqual(told)
  clock.pass(500 * DAY_MS)
  await backUp(8)
  const { run } = await here.sweep({ yesRemove: 3 })
  expect(run.outcome).toBe('succeeded')
  expect(here.events('sweep-planned')).toHaveLength(1)
  expect(here.events('journal-trimmed')).toHaveLength(1)
})

test('one tenant whose clock the store contradicts is enough for the journal to forget nothing', async () => {
  await scene()
  clock.pass(500 * DAY_MS)
  await backUp(8)
  await backUp(8, GLOBEX)
  const told = here.events('sweep-planned').length
  const doubtful: Store = {
    ...store,
    head: async key => {
      const found = await store.head(key)
      return found && key === leaseKey(ACME) ? { ...found, modifiedAt: new Date(0) } : found
    },
  }
  const { run, report } = await here.sweep({ parts: { repository: { ...here.repository, store: doubtful } } })
  expect(run.outcome).toBe('partial')
  expect(report?.failed.map(({ failure }) => failure.code)).toEqual(['clock-doubtful'])
  expect(report?.swept.map(({ subject }) => subject)).toEqual([GLOBEX])
  expect(here.events('sweep-planned')).toHaveLength(told + 1)
})

test('what a bucket lock holds is said, does not fail the run, and goes when the lock lets go', async () => {
  await scene()
  store.add({
    on: 'delete',
    key: /manifests|chunks|waiting/,
    times: Infinity,
    effect: { fail: 'store-locked' },
  })
  const { run, report } = await here.sweep()
  expect(run.outcome).toBe('succeeded')
  expect(report?.swept[0]?.locked).toBeGreaterThan(2)
  expect(here.events('removal-locked')).toHaveLength(1)
  expect(await allRestore()).toBe(4)

  // The plan says so from then on, and on which day; nothing of it waits for a yes.
  const { subjects, verdict } = await viewRetention(here.parts, here.present, ACME, here.context().signal)
  const lockedOnes = subjects[0]?.decisions.filter(one => one.reasons.some(({ why }) => why === 'locked'))
  expect(lockedOnes?.map(one => [one.verdict, one.reasons.map(({ detail }) => detail)])).toEqual(
    Array(2).fill(['keep', ['until the bucket lets go; refused on 2026-11-13, tried again by each sweep']]),
  )
  expect([subjects[0]?.remove, verdict.held]).toEqual([0, 0])
  clock.pass(DAY_MS)
  await backUp(6)
  const again = await here.sweep()
  expect([again.run.outcome, again.report?.swept[0]?.removed]).toEqual(['succeeded', []])
  const told = here.events('removal-locked').map(({ facts }) => facts.backups)
  expect([told[0]?.length, told[1]?.length]).toEqual([2, 3])
  expect(told[1]).toEqual(expect.arrayContaining(told[0] ?? []))
  // What is tried again is said again, with why it would go.
  const tries = here.events('backup-removal').filter(({ facts }) => facts.backup === told[0]?.[0])
  expect(tries.map(({ facts }) => facts.reasons[0])).toEqual([
    expect.stringMatching(/^beyond: /),
    expect.stringMatching(/^beyond: /),
  ])
  store.heal()
  const last = await here.sweep()
  expect(last.report?.swept[0]).toMatchObject({ locked: 0, removed: told[1] })
  expect(last.report?.swept[0]?.chunks?.removed).toBeGreaterThan(0)
  expect(await allRestore()).toBe(2)
  const after = await viewRetention(here.parts, here.present, ACME, here.context().signal)
  expect(after.subjects[0]?.decisions.flatMap(one => one.reasons.map(({ why }) => why))).not.toContain(
    'locked',
  )
})

describe('somebody else at work', () => {
  test('a subject that is being dumped is left alone, and said', async () => {
    await scene()
    const before = held('tenants/')
    await withSubjectLease({ ...here.parts }, ACME, here.context(), async () => {
      const { failure } = await here.sweep()
      expect(failure).toMatchObject({ code: 'subject-busy' })
    })
    expect(held('tenants/')).toEqual(before)
  })

  test('two sweepers at once: each deletion is right, and one of them may have to give way', async () => {
    await scene()
    const target = await undisturbed()
    const other = await sweeping(memory, clock, TWO, threads)
    for (const subject of here.present) other.present.add(subject)
    await Promise.all([here.sweep(), other.sweep()])
    await here.sweep()
    expect(held('tenants/').filter(lasting)).toEqual(target)
    expect(await allRestore()).toBe(2)
    await other.close()
  })

  test.each([
    ['chunks', /\/chunks\//],
    ['manifests', /\/manifests\//],
  ])('a sweep that lost its lease among the %s deletes nothing more', async (_, last) => {
    await scene()
    const before = held('tenants/').filter(lasting).length
    // In the middle of the deletions another machine takes the lease, and this one slept: its timers did not fire.
    const frozen: Store = {
      ...store,
      delete: async (key, how) => {
        await store.delete(key, how)
        if (!last.test(key)) return
        freeze()
        left ??= held('tenants/').filter(lasting).length
      },
    }
    let offset = 0
    let left: number | null = null
    const freeze = () => {
      offset += 200_000
    }
    const sleepy = { ...clock, ticks: () => clock.ticks() + offset }
    const repository = { ...here.repository, store: frozen, clock: sleepy, transfers: 1 }
    const { run } = await here.sweep({ parts: { repository, clock: sleepy } })
    expect(run.error?.code).toBe('lease-lost')
    expect(left).toBeLessThan(before)
    expect(held('tenants/').filter(lasting)).toHaveLength(left ?? 0)
    await allRestore()
  })

  test('a chunk that a sweep without a lease is about to delete is not relied on by the dump that needs it', async () => {
    await scene()
    const [due] = here.events('backup-removal')
    expect(due).toBeDefined()
    // A dump of the first night's data: its chunks wait to be deleted, and all of them are stored anew.
    const puts = store.calls.length
    const again = await backUp(0)
    const stored = store.calls.slice(puts).filter(call => call.operation === 'put' && /chunks/.test(call.key))
    expect(stored.length).toBe(again.stored.newChunks)
    expect(again.stored.newChunks).toBeGreaterThan(1)
    // A sweep that looked before that dump would take them; one that looks after it sees that they are young.
    await here.sweep()
    for (const { id } of again.chunks) expect(memory.objects.has(chunkKey(ACME, id))).toBe(true)
    await allRestore()
  })

  test('a lease of a dead daemon on another machine does not hold a sweep up for ever', async () => {
    await scene()
    const holder = { host: 'gone', pid: 1, start: '', purpose: 'daemon' }
    await acquireLease(memory, leaseKey(ACME), holder, { clock: { ...clock, every: () => () => {} } })
    expect((await here.sweep()).failure).toMatchObject({ code: 'subject-busy' })
    clock.pass(3_600_000)
    expect((await here.sweep()).failure).toBeNull()
  })
})

describe('clocks', () => {
  test.each([
    ['ahead', 365],
    ['behind', -365],
  ])('this machine is a year %s of the store: nothing goes', async (_, days) => {
    await scene()
    const before = held('tenants/')
    const wrong = { ...clock, now: () => new Date(clock.now().getTime() + days * DAY_MS) }
    const { run, failure } = await here.sweep({ parts: { clock: wrong } })
    expect([run.outcome, failure?.code]).toEqual(['failed', 'clock-doubtful'])
    expect(held('tenants/')).toEqual(before)
  })

  test.each([
    ['ahead', 365],
    ['behind', -365],
  ])('machine and store are both a year %s, as on a disk of our own: nothing goes', async (_, days) => {
    await scene()
    const before = held('tenants/').filter(key => !/waiting/.test(key))
    clock.set(new Date(clock.now().getTime() + days * DAY_MS))
    await here.sweep()
    expect(held('tenants/').filter(key => /manifests/.test(key))).toEqual(
      before.filter(key => /manifests/.test(key)),
    )
    clock.set(new Date(clock.now().getTime() - days * DAY_MS))
    await here.sweep()
    expect(await allRestore()).toBe(2)
  })
})
