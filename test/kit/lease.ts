// Contenders for a lease on machines that are not this one, and what they leave behind when they die.

import { expect } from 'vitest'
import { acquireLease, type LeaseOptions } from '../../src/repository/lease.js'
import type { Lease } from '../../src/repository/lease-keeper.js'
import { decodeRecord, type Holder } from '../../src/repository/lease-record.js'
import { type ManualClock, manualClock, settle } from './clock.js'
import { faultyStore } from './faulty-store.js'
import { memoryStore } from './memory-store.js'

export const KEY = 'platform/lease.json'
export const elsewhere = (host: string): Holder => ({ host, pid: 7, start: '', purpose: `daemon on ${host}` })

/** A store that can be put in trouble, a clock that stands still, and contenders for one lease. */
export function setUp() {
  const clock = manualClock()
  const store = faultyStore(memoryStore(clock), [], clock)
  const acquire = (who: string | Holder, options: Partial<LeaseOptions> = {}): Promise<Lease> =>
    acquireLease(store, KEY, typeof who === 'string' ? elsewhere(who) : who, { clock, ...options })
  const record = async () => decodeRecord((await store.get(KEY)).body)
  return { clock, store, acquire, record }
}

/** Moves the clock on in steps until the promise is done: what waits through several turns gets them. */
export async function through<T>(clock: ManualClock, ms: number, work: Promise<T>): Promise<T> {
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

/** The bytes of a lease that `holder` took now and will never renew. */
export async function leaseOf(
  holder: string | Holder,
  clock: ManualClock,
  ttlMs = 120_000,
): Promise<Uint8Array> {
  const store = memoryStore(clock)
  const who = typeof holder === 'string' ? elsewhere(holder) : holder
  const still = { ...clock, every: () => () => {} }
  await acquireLease(store, KEY, who, { clock: still, ttlMs })
  return (await store.get(KEY)).body
}
