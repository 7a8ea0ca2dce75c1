// The lease under a clock that moves on command: who gets it, who keeps it, who loses it, and that two never hold it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asFailure, type Failure } from '../../src/domain/errors.js'
import { acquireLease, type LeaseOptions } from '../../src/repository/lease.js'
import type { Lease } from '../../src/repository/lease-keeper.js'
import { decodeRecord, type Holder } from '../../src/repository/lease-record.js'
import type { Store } from '../../src/store/port.js'
import { retrying } from '../../src/store/retrying.js'
import { ownIdentity } from '../../src/sys/process-identity.js'
import { type ManualClock, manualClock, settle } from '../kit/clock.js'
import { faultyStore } from '../kit/faulty-store.js'
import { memoryStore } from '../kit/memory-store.js'

const KEY = 'platform/lease.json'
const elsewhere = (host: string): Holder => ({ host, pid: 7, start: '', purpose: `daemon on ${host}` })

const failureOf = (call: Promise<unknown>): Promise<Failure> =>
  call.then(
    () => {
      throw new Error('it should have failed')
    },
    thrown => asFailure(thrown),
  )

function setUp() {
  const clock = manualClock()
  const store = faultyStore(memoryStore(clock), [], clock)
  const acquire = (who: string | Holder, options: Partial<LeaseOptions> = {}): Promise<Lease> =>
    acquireLease(store, KEY, typeof who === 'string' ? elsewhere(who) : who, { clock, ...options })
  const record = async () => decodeRecord((await store.get(KEY)).body)
  return { clock, store, acquire, record }
}

/** Moves the clock on in steps until the promise is done: what waits through several turns gets them. */
async function through<T>(clock: ManualClock, ms: number, work: Promise<T>): Promise<T> {
  let done = false
  const watched = work.finally(() => {
    done = true
  })
  watched.catch(() => {})
  for (let gone = 0; gone < ms && !done; gone += 1_000) await clock.advance(1_000)
  await settle()
  expect(done, 'it should be done by now').toBe(true)
  return watched
}

describe('taking a lease', () => {
  it('takes a free one, and says in the object who holds it since when', async () => {
    const { acquire, record } = setUp()
    const lease = await acquire('web1')
    expect(lease.takenOverFrom).toBeNull()
    expect(await record()).toMatchObject({
      holder: { host: 'web1', pid: 7, purpose: 'daemon on web1' },
      acquiredAt: '2026-11-23T02:00:00.000Z',
      released: false,
      ttlMs: 120_000,
    })
  })

  it('refuses at once while another holds it, naming the holder', async () => {
    const { acquire } = setUp()
    await acquire('web1')
    const failure = await failureOf(acquire('web2'))
    expect(failure.code).toBe('store-leased')
    expect(failure.message).toBe(
      'platform/lease.json is held by daemon on web1 on web1, process 7, since 2026-11-23T02:00:00.000Z',
    )
    expect(failure.facts).toMatchObject({ key: KEY, holder: { host: 'web1' } })
  })

  it('refuses under the name that was asked for', async () => {
    const { acquire } = setUp()
    await acquire('web1')
    expect((await failureOf(acquire('web2', { busy: 'subject-busy' }))).code).toBe('subject-busy')
  })

  it('lets exactly one of 20 have it', async () => {
    const { acquire } = setUp()
    const ends = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => acquire(`web${n}`)))
    expect(ends.filter(one => one.status === 'fulfilled')).toHaveLength(1)
    for (const end of ends) if (end.status === 'rejected') expect(end.reason.code).toBe('store-leased')
  })

  it('lets exactly one of 20 take one that was released', async () => {
    const { clock, acquire, store } = setUp()
    const first = await acquire('web0')
    await first.release()
    store.calls.length = 0
    const ends = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => acquire(`web${n + 1}`)))
    expect(ends.filter(one => one.status === 'fulfilled')).toHaveLength(1)
    await clock.advance(0)
  })

  it('is free again at once when it was released, and release can be called twice', async () => {
    const { acquire, record } = setUp()
    const lease = await acquire('web1')
    await Promise.all([lease.release(), lease.release()])
    expect((await record())?.released).toBe(true)
    const next = await acquire('web2')
    expect(next.takenOverFrom).toBeNull()
    expect(lease.lost.aborted).toBe(false)
  })

  it('treats an unreadable lease as held by someone unknown', async () => {
    const { store, acquire } = setUp()
    await store.put(KEY, Buffer.from('{"version":2}'))
    expect((await failureOf(acquire('web2'))).message).toContain('left no readable lease')
  })

  it('stops waiting when the signal fires', async () => {
    const { acquire, clock } = setUp()
    await acquire('web1')
    const controller = new AbortController()
    const waiting = failureOf(acquire('web2', { waitMs: 600_000, signal: controller.signal }))
    await clock.advance(10_000)
    controller.abort()
    expect((await waiting).code).toBe('interrupted')
  })
})

describe('a holder that died', () => {
  it('on another machine: is waited for a TTL, never less', async () => {
    const { clock, store, acquire } = setUp()
    await store.put(KEY, await leaseOf('dead', clock))
    const startedTicks = clock.ticks()
    const lease = await through(clock, 200_000, acquire('web2', { waitMs: 180_000 }))
    expect(clock.ticks() - startedTicks).toBeGreaterThanOrEqual(120_000)
    expect(clock.ticks() - startedTicks).toBeLessThan(130_000)
    expect(lease.takenOverFrom?.holder.host).toBe('dead')
  })

  it('on another machine: is not taken over by who did not wait long enough', async () => {
    const { clock, store, acquire } = setUp()
    await store.put(KEY, await leaseOf('dead', clock))
    const failure = await through(clock, 200_000, failureOf(acquire('web2', { waitMs: 100_000 })))
    expect(failure.code).toBe('store-leased')
  })

  it('with a longer TTL of its own: is given that', async () => {
    const { clock, store, acquire } = setUp()
    await store.put(KEY, await leaseOf('dead', clock, 300_000))
    const startedTicks = clock.ticks()
    await through(clock, 400_000, acquire('web2', { waitMs: 400_000 }))
    expect(clock.ticks() - startedTicks).toBeGreaterThanOrEqual(300_000)
  })

  it("long ago by the store's clock: is taken over at once, and no probe stays behind", async () => {
    const { clock, store, acquire } = setUp()
    await store.put(KEY, await leaseOf('dead', clock))
    await clock.advance(1_201_000)
    expect((await acquire('web2')).takenOverFrom?.holder.host).toBe('dead')
    const keys = []
    for await (const one of store.list('')) keys.push(one.key)
    expect(keys).toEqual([KEY])
  })

  it('long ago by our clock only: is not taken over, for our clock may be wrong', async () => {
    const { clock, store } = setUp()
    await store.put(KEY, await leaseOf('alive', clock))
    const wrong = manualClock('2027-01-01T00:00:00Z')
    expect((await failureOf(acquireLease(store, KEY, elsewhere('web2'), { clock: wrong }))).code).toBe(
      'store-leased',
    )
  })

  it('on this machine: is taken over at once when its process is gone or is another one now', async () => {
    const { clock, store, acquire } = setUp()
    const me = ownIdentity()
    const gone: Holder[] = [
      { ...me, pid: 2 ** 22 + 1, purpose: 'no such process' },
      { ...me, start: `${me.start}1`, purpose: 'a process with a reused pid' },
    ]
    for (const holder of gone) {
      await store.put(KEY, await leaseOf(holder, clock))
      const lease = await acquire('web2')
      expect(lease.takenOverFrom?.holder.purpose).toBe(holder.purpose)
      await lease.release()
    }
  })

  it('is not called dead in another container or boot, where our pids say nothing', async () => {
    const { clock, store, acquire } = setUp()
    const me = ownIdentity()
    for (const start of [`another${me.start}`, '']) {
      const holder = { ...me, start, pid: 2 ** 22 + 1, purpose: 'x' }
      await store.put(KEY, await leaseOf(holder, clock))
      expect((await failureOf(acquire('web2'))).code).toBe('store-leased')
    }
  })

  it('asked so, is refused as soon as its holder shows that it lives, and taken over when it does not', async () => {
    const { clock, store, acquire } = setUp()
    await store.put(KEY, await leaseOf({ ...ownIdentity(), purpose: 'me' }, clock))
    expect((await failureOf(acquire('web2', { waitMs: 600_000, refuseAlive: true }))).code).toBe(
      'store-leased',
    )
    await store.delete(KEY)
    const lease = await acquire('web1')
    const startedTicks = clock.ticks()
    const failure = await through(
      clock,
      100_000,
      failureOf(acquire('web2', { waitMs: 600_000, refuseAlive: true })),
    )
    expect(failure.code).toBe('store-leased')
    expect(clock.ticks() - startedTicks).toBeLessThan(100_001)
    await lease.release()
    await store.put(KEY, await leaseOf('a rebooted machine', clock))
    const taken = await through(clock, 200_000, acquire('web2', { waitMs: 180_000, refuseAlive: true }))
    expect(taken.takenOverFrom?.holder.host).toBe('a rebooted machine')
    await taken.release()
  })

  it('is not called dead while its process lives, however old its lease looks', async () => {
    const { clock, store, acquire } = setUp()
    await store.put(KEY, await leaseOf({ ...ownIdentity(), purpose: 'me' }, clock))
    await clock.advance(10_000_000)
    expect((await failureOf(acquire('web2'))).code).toBe('store-leased')
  })
})

describe('holding a lease', () => {
  it('renews every 30 s, so that nobody who waits ever gets it', async () => {
    const { clock, acquire, record } = setUp()
    const lease = await acquire('web1')
    const failure = await through(clock, 700_000, failureOf(acquire('web2', { waitMs: 600_000 })))
    expect(failure.code).toBe('store-leased')
    expect(lease.lost.aborted).toBe(false)
    expect(Date.parse((await record())!.renewedAt)).toBeGreaterThan(clock.now().getTime() - 36_000)
    expect((await record())?.acquiredAt).toBe('2026-11-23T02:00:00.000Z')
  })

  it('stops renewing once it is released', async () => {
    const { clock, store, acquire } = setUp()
    const lease = await acquire('web1')
    await lease.release()
    const before = store.calls.length
    await clock.advance(600_000)
    expect(store.calls.length).toBe(before)
    expect(clock.waiting()).toBe(0)
  })

  it('outlives a store that is down for less than the TTL', async () => {
    const { clock, store, acquire } = setUp()
    const lease = await acquire('web1')
    store.add({ on: 'put', times: Number.POSITIVE_INFINITY, effect: { fail: 'store-unreachable' } })
    await clock.advance(95_000)
    store.heal()
    await clock.advance(400_000)
    expect(lease.lost.aborted).toBe(false)
  })

  it.each(['store-unreachable', 'store-busy', 'store-denied', 'store-full'] as const)(
    'is lost before the TTL is over when renewing only ever ends in %s',
    async code => {
      const { clock, store, acquire } = setUp()
      const losses: Failure[] = []
      const lease = await acquire('web1', { onLost: failure => losses.push(failure) })
      store.add({ on: 'put', times: Number.POSITIVE_INFINITY, effect: { fail: code } })
      await clock.advance(104_000)
      expect(lease.lost.aborted).toBe(false)
      await clock.advance(11_000)
      expect(lease.lost.aborted).toBe(true)
      expect(losses.map(one => one.code)).toEqual(['lease-lost'])
      expect(asFailure(losses[0]?.cause).code).toBe(code)
      expect(lease.lost.reason).toBe(losses[0])
      await lease.release()
    },
  )

  it('is lost in time although a renewal hangs, and the renewal is called off', async () => {
    const { clock, store, acquire } = setUp()
    const lease = await acquire('web1')
    store.add({ on: 'put', effect: { hang: true } })
    await clock.advance(115_000)
    expect(lease.lost.aborted).toBe(true)
  })

  it('is lost when another took it over, and says who', async () => {
    const { clock, store, acquire } = setUp()
    const lease = await acquire('web1')
    await store.put(KEY, await leaseOf('thief', clock))
    await clock.advance(36_000)
    expect(lease.lost.reason).toMatchObject({ code: 'lease-lost' })
    expect((lease.lost.reason as Failure).message).toContain('thief')
    await lease.release()
    expect(decodeRecord((await store.get(KEY)).body)?.holder.host).toBe('thief')
  })

  it('is lost when the object was deleted', async () => {
    const { clock, store, acquire } = setUp()
    const lease = await acquire('web1')
    await store.delete(KEY)
    await clock.advance(36_000)
    expect((lease.lost.reason as Failure).message).toContain('deleted')
  })

  it('looks at once when the wall clock jumped: the machine may have slept', async () => {
    const { clock, acquire, record } = setUp()
    await acquire('web1')
    clock.jump(3_600_000)
    await clock.advance(5_000)
    expect((await record())?.renewedAt).toBe('2026-11-23T03:00:05.000Z')
  })

  it('knows its own renewal whose answer was lost', async () => {
    const { clock, store, acquire } = setUp()
    const lease = await acquire('web1')
    store.add({ on: 'put', times: 2, effect: { failAfter: 'store-unreachable' } })
    await clock.advance(300_000)
    expect(lease.lost.aborted).toBe(false)
    await lease.release()
    expect(decodeRecord((await store.get(KEY)).body)?.released).toBe(true)
  })

  it('is given back although a renewal is in flight and its answer is lost', async () => {
    const { clock, store, acquire, record } = setUp()
    const lease = await acquire('web1')
    store.add({ on: 'put', effect: { failAfter: 'store-unreachable' } })
    await clock.advance(30_000)
    await lease.release()
    expect((await record())?.released).toBe(true)
  })

  it("gives nothing back that is another's by now", async () => {
    const { clock, store, acquire } = setUp()
    const lease = await acquire('web1')
    await store.put(KEY, await leaseOf('thief', clock))
    await lease.release()
    expect(decodeRecord((await store.get(KEY)).body)).toMatchObject({
      holder: { host: 'thief' },
      released: false,
    })
  })

  it("says so when the store can't be told that it is given back", async () => {
    const { store, acquire } = setUp()
    const lease = await acquire('web1')
    store.add({ on: 'put', effect: { fail: 'store-unreachable' } })
    expect((await failureOf(lease.release())).code).toBe('store-unreachable')
  })
})

describe('whatever happens', () => {
  /** What can befall a machine, in any order: time passes, it dies, it is cut off or heals, its clock jumps, it tries. */
  const event = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 150_000 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('try' as const),
        who: fc.nat(2),
        waitMs: fc.constantFrom(0, 200_000, 300_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('cut' as const, 'mute' as const, 'heal' as const),
        who: fc.constantFrom(0, 0, 1, 2),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('freeze' as const, 'release' as const), who: fc.nat(2) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('jump' as const),
        who: fc.nat(2),
        ms: fc.integer({ min: -1e8, max: 1e8 }),
      }),
    },
  )

  it('two never hold it at once, by what each believes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 25 }), async events => {
        const world = makeWorld()
        await world.happen({ kind: 'try', who: 0, waitMs: 0 })
        for (const one of events) {
          await world.happen(one)
          expect(world.holders().length).toBeLessThanOrEqual(1)
        }
        await world.end()
      }),
      { numRuns: 100 },
    )
  })

  type Happening =
    | { kind: 'pass'; ms: number }
    | { kind: 'try'; who: number; waitMs: number }
    | { kind: 'cut' | 'mute' | 'heal' | 'freeze' | 'release'; who: number }
    | { kind: 'jump'; who: number; ms: number }

  /** Three machines with clocks of their own, and one store that tells the true time. */
  function makeWorld() {
    const truth = manualClock()
    const shared = memoryStore(truth)
    const machines = [0, 1, 2].map(n => {
      const clock = manualClock()
      return {
        clock,
        network: faultyStore(shared, [], clock),
        name: `web${n}`,
        lease: null as Lease | null,
        trying: false,
        dead: new AbortController(),
      }
    })
    const happen = async (event: Happening) => {
      if (event.kind === 'pass') {
        for (let left = event.ms; left > 0; left -= 5_000) {
          const ms = Math.min(left, 5_000)
          for (const one of [truth, ...machines.map(machine => machine.clock)]) await one.advance(ms)
          expect(holders().length).toBeLessThanOrEqual(1)
        }
        return
      }
      const machine = machines[event.who]!
      if (event.kind === 'jump') machine.clock.jump(event.ms)
      if (event.kind === 'heal') machine.network.heal()
      if (event.kind === 'cut') {
        machine.network.add({
          on: ['put', 'get', 'head', 'delete'],
          times: Number.POSITIVE_INFINITY,
          effect: { fail: 'store-unreachable' },
        })
      }
      if (event.kind === 'mute') {
        machine.network.add({
          on: 'put',
          times: Number.POSITIVE_INFINITY,
          effect: { failAfter: 'store-unreachable' },
        })
      }
      if (event.kind === 'release') {
        await machine.lease?.release().catch(() => {})
        machine.lease = null
      }
      if (event.kind === 'try' && !machine.trying && !(machine.lease && !machine.lease.lost.aborted)) {
        machine.trying = true
        void acquireLease(machine.network, KEY, elsewhere(machine.name), {
          clock: machine.clock,
          waitMs: event.waitMs,
          signal: machine.dead.signal,
        })
          .then(
            lease => {
              machine.lease = lease
            },
            () => {},
          )
          .finally(() => {
            machine.trying = false
          })
        await settle()
      }
    }
    const holders = () => machines.filter(one => one.lease && !one.lease.lost.aborted)
    const end = async () => {
      for (const one of machines) one.dead.abort()
      await settle()
    }
    return { happen, holders, end }
  }
})

describe('on a store whose conditions do not work', () => {
  it('gives up instead of trying for ever', async () => {
    const { clock, store, acquire } = setUp()
    await store.put(KEY, await leaseOf('dead', clock))
    await clock.advance(2_000_000)
    store.add({
      on: 'put',
      key: /lease.json$/,
      times: Number.POSITIVE_INFINITY,
      effect: { fail: 'store-conflict' },
    })
    expect((await failureOf(acquire('web2'))).code).toBe('store-conflict')
  })
})

describe('on a store that retries', () => {
  it('takes the lease although the first answer is lost', async () => {
    const clock = manualClock(undefined, { skipSleeps: true })
    const faulty = faultyStore(
      memoryStore(clock),
      [{ on: 'put', effect: { failAfter: 'store-unreachable' } }],
      clock,
    )
    const store: Store = retrying(faulty, { clock })
    const lease = await acquireLease(store, KEY, elsewhere('web1'), { clock })
    expect(lease.takenOverFrom).toBeNull()
    await lease.release()
  })
})

async function leaseOf(holder: string | Holder, clock: ManualClock, ttlMs = 120_000): Promise<Uint8Array> {
  const store = memoryStore(clock)
  const who = typeof holder === 'string' ? elsewhere(holder) : holder
  const still = { ...clock, every: () => () => {} }
  await acquireLease(store, KEY, who, { clock: still, ttlMs })
  return (await store.get(KEY)).body
}
