// A subject's lease around work, when the store goes away: the work's own end is told, and the next run is not locked out.
import { expect, it } from 'vitest'
import { asFailure, Failure } from '../../src/domain/errors.js'
import type { JobContext, Parts } from '../../src/jobs/parts.js'
import { withSubjectLease } from '../../src/jobs/subject-lease.js'
import { swapIn } from '../../src/jobs/swap-in.js'
import { acquireLease } from '../../src/repository/lease.js'
import { leaseKey } from '../../src/store/keys.js'
import type { Store } from '../../src/store/port.js'
import { systemClock } from '../../src/sys/clock.js'
import { ownIdentity } from '../../src/sys/process-identity.js'
import { faultyStore } from '../kit/faulty-store.js'
import { memoryStore } from '../kit/memory-store.js'
import { ACME, never } from '../kit/repository.js'

function setUp() {
  const store = faultyStore(memoryStore())
  const parts = { repository: { store }, clock: systemClock } as unknown as Parts
  const context = { run: 'aaaaaaaaaaaa', signal: never, emit: () => {} } as unknown as JobContext
  const away = () =>
    store.add({
      on: ['put', 'get', 'head'],
      times: Number.POSITIVE_INFINITY,
      effect: { fail: 'store-unreachable' },
    })
  return { store, parts, context, away }
}

it('work that succeeded has succeeded, though its lease cannot be given back', async () => {
  const { parts, context, away } = setUp()
  const work = async () => {
    away()
    return 'committed'
  }
  expect(await withSubjectLease(parts, ACME, context, work)).toBe('committed')
})

it('work that failed is told with its own failure, and may be tried again at once when the store is back', async () => {
  const { store, parts, context, away } = setUp()
  const failing = withSubjectLease(parts, ACME, context, async () => {
    away()
    throw new Failure('store-full', 'no room')
  })
  await expect(failing).rejects.toMatchObject({ code: 'store-full' })
  store.heal()
  expect(await withSubjectLease(parts, ACME, context, async () => 'again')).toBe('again')
})

it('while work goes on, no other work on the subject begins, in this process neither', async () => {
  const { store, parts, context } = setUp()
  await withSubjectLease(parts, ACME, context, async () => {
    const other = withSubjectLease(parts, ACME, context, async () => 'both')
    await expect(other).rejects.toMatchObject({ code: 'subject-busy' })
  })
  const holder = { ...ownIdentity(), purpose: 'another' }
  const lease = await acquireLease(store, leaseKey(ACME), holder, { clock: systemClock })
  const refused = withSubjectLease(parts, ACME, context, async () => 'both').then(() => null, asFailure)
  expect((await refused)?.message).toContain('is held by another on')
  await lease.release()
})

it('a swap does not begin under a lease that was slept through: nobody could yet have told', async () => {
  const { store, parts, context } = setUp()
  let sleptMs = 0
  const clock = { ...systemClock, ticks: () => systemClock.ticks() + sleptMs }
  const asleep: Store = {
    ...store,
    put: async (...what) => {
      const put = await store.put(...what)
      sleptMs += 200_000
      return put
    },
  }
  const nowhere = { host: '/nonexistent', port: 1, user: 'nobody', pgbouncer: null }
  const config = { postgres: nowhere, restore: { keepReplacedMs: 1 } }
  const swapping = swapIn(
    { ...parts, clock, config, repository: { store: asleep } } as unknown as Parts,
    ACME,
    { live: 'a', incoming: 'b', kept: 'c' },
    '1',
    context,
  )
  await expect(swapping).rejects.toMatchObject({ code: 'lease-lost' })
})
