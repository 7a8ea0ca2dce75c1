// A month in which one tenant's archive fails: the others are made, the run says so, and what passes is tried once more.
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Store } from '../../src/store/port.js'
import { archiveMonth } from '../kit/archives.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { type FaultyStore, faultyStore } from '../kit/faulty-store.js'

let scene: Scene
let store: FaultyStore

beforeAll(async () => {
  const wrapStore = (real: Store) => {
    store = faultyStore(real)
    return store
  }
  scene = await setScene(['acme', 'globex'], { rows: 50, wrapStore })
  expect((await scene.here.night()).run.outcome).toBe('succeeded')
})
afterAll(() => scene.end())

it('for good: partial, one archive missing, told with its code; the next run makes just that one', async () => {
  store.add({ on: 'putStream', key: /acme/, times: Infinity, effect: { fail: 'store-denied' } })
  const { run } = await archiveMonth(scene.here, '2026-12')
  expect([run.outcome, run.facts]).toEqual(['partial', { archived: 2, skipped: 0, failed: 1, missing: 0 }])
  expect(scene.here.events('archive-failed')).toMatchObject([
    { subject: 'tenants/acme', facts: { error: { code: 'store-denied' } } },
  ])
  store.heal()
  const next = await archiveMonth(scene.here, '2026-12')
  expect([next.run.outcome, next.run.facts]).toMatchObject(['succeeded', { archived: 1, skipped: 2 }])
})

it('for a passing reason: made by the second try, and nobody is alarmed', async () => {
  const before = scene.here.events('archive-failed').length
  expect((await scene.here.night()).run.outcome).toBe('succeeded')
  store.add({ on: 'putStream', key: /acme/, effect: { fail: 'store-unreachable' } })
  const { run } = await archiveMonth(scene.here, '2027-01')
  expect([run.outcome, run.facts]).toMatchObject(['succeeded', { archived: 3, failed: 0 }])
  expect(scene.here.events('archive-failed')).toHaveLength(before)
})

it('a tenant without a backup since its last archive is passed over, and said', async () => {
  const { run } = await archiveMonth(scene.here, '2027-02')
  expect([run.outcome, run.facts]).toMatchObject(['succeeded', { archived: 0, skipped: 3 }])
  expect(scene.here.events('archive-skipped').at(-1)?.facts).toMatchObject({
    reason: expect.stringContaining('no backup since 2027-01'),
  })
})
