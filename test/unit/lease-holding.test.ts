// Holding a lease under a clock that moves on command: renewed in time, lost in time, given back.

import { describe, expect, it } from 'vitest'
import { asFailure, type Failure } from '../../src/domain/errors.js'
import { decodeRecord } from '../../src/repository/lease-record.js'
import { failureOf } from '../kit/failing.js'
import { KEY, leaseOf, setUp, through } from '../kit/lease.js'

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

  it('counts from before a write was sent: an answer that took its time makes it last no longer', async () => {
    const { clock, store, acquire } = setUp()
    const down = {
      on: 'put',
      times: Number.POSITIVE_INFINITY,
      effect: { fail: 'store-unreachable' },
    } as const
    store.add({ on: 'put', effect: { delayMs: 60_000 } })
    const slow = await through(clock, 61_000, acquire('web1'))
    store.add(down)
    await clock.advance(50_000)
    expect(slow.lost.aborted).toBe(true)
    store.heal()
    await store.delete(KEY)
    const lease = await acquire('web1')
    store.add({ on: 'put', effect: { delayMs: 60_000 } })
    await clock.advance(91_000)
    store.add(down)
    await clock.advance(50_000)
    expect(lease.lost.aborted).toBe(true)
  })

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
