// Taking a lease under a clock that moves on command: who gets it, who is refused, and what makes a holder dead.

import { describe, expect, it } from 'vitest'
import { acquireLease } from '../../src/repository/lease.js'
import type { Holder } from '../../src/repository/lease-record.js'
import type { Store } from '../../src/store/port.js'
import { retrying } from '../../src/store/retrying.js'
import { ownIdentity } from '../../src/sys/process-identity.js'
import { manualClock } from '../kit/clock.js'
import { failureOf } from '../kit/failing.js'
import { faultyStore } from '../kit/faulty-store.js'
import { elsewhere, KEY, leaseOf, setUp, through } from '../kit/lease.js'
import { memoryStore } from '../kit/memory-store.js'

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

  it('on another machine: is not taken over by who did not wait long enough, and nothing is written meanwhile', async () => {
    const { clock, store, acquire } = setUp()
    await store.put(KEY, await leaseOf('dead', clock))
    store.calls.length = 0
    const failure = await through(clock, 200_000, failureOf(acquire('web2', { waitMs: 100_000 })))
    expect(failure.code).toBe('store-leased')
    expect(store.calls.filter(one => one.operation === 'put')).toEqual([])
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
    await clock.advance(1_199_000)
    expect((await failureOf(acquire('web2'))).code).toBe('store-leased')
    await clock.advance(2_000)
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
    const patient = { waitMs: 600_000, refuseAlive: true }
    await store.put(KEY, await leaseOf({ ...ownIdentity(), purpose: 'me' }, clock))
    expect((await failureOf(acquire('web2', patient))).code).toBe('store-leased')
    await store.delete(KEY)
    const lease = await acquire('web1')
    expect((await through(clock, 100_000, failureOf(acquire('web2', patient)))).code).toBe('store-leased')
    await lease.release()
    await store.put(KEY, await leaseOf('a rebooted machine', clock))
    const taken = await through(clock, 200_000, acquire('web2', patient))
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
