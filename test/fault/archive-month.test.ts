// A month in which one tenant's archive fails: the others are made, the run says so, and what passes is tried once more.
// Months in which nothing ran are made up for.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { monthOf, monthsBefore } from '../../src/domain/archive-name.js'
import { instantMs } from '../../src/domain/ids.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { listArchives } from '../../src/repository/archive-list.js'
import type { Store } from '../../src/store/port.js'
import { archiveMonth } from '../kit/archives.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { type FaultyStore, faultyStore } from '../kit/faulty-store.js'

let scene: Scene
let store: FaultyStore
/** The month that the backups are of: `month(-1)` is the one before it. */
let month: (away: number) => string

const ACME = subjectNamed('acme')

beforeAll(async () => {
  const wrapStore = (real: Store) => {
    store = faultyStore(real)
    return store
  }
  scene = await setScene(['acme', 'globex'], { rows: 50, wrapStore })
  expect((await scene.here.night()).run.outcome).toBe('succeeded')
  const [backup] = scene.here.app.parts().catalogue.list({ subject: ACME })
  const own = monthOf(new Date(backup ? instantMs(backup.instant) : Number.NaN), 'Europe/Paris')
  const [year = 0, ordinal = 0] = own.split('-').map(Number)
  const later = new Date(Date.UTC(year, ordinal - 1 + 6, 1)).toISOString().slice(0, 7)
  month = away => monthsBefore(later, 12)[5 - away] ?? ''
})
afterAll(() => scene.end())

it('for good: partial, one archive missing, told with its code; the next run makes just that one', async () => {
  store.add({ on: 'putStream', key: /acme/, times: Infinity, effect: { fail: 'store-denied' } })
  const { run } = await archiveMonth(scene.here, month(-2))
  expect([run.outcome, run.facts]).toEqual(['partial', { archived: 2, skipped: 0, failed: 1, missing: 0 }])
  expect(scene.here.events('archive-failed')).toMatchObject([
    { subject: 'tenants/acme', facts: { error: { code: 'store-denied' } } },
  ])
  store.heal()
  const next = await archiveMonth(scene.here, month(-2))
  expect([next.run.outcome, next.run.facts]).toMatchObject(['succeeded', { archived: 1, skipped: 2 }])
})

it('for a passing reason: made by the second try, and nobody is alarmed; a month that was missed is made too', async () => {
  const before = scene.here.events('archive-failed').length
  expect((await scene.here.night()).run.outcome).toBe('succeeded')
  store.add({ on: 'putStream', key: /acme/, effect: { fail: 'store-unreachable' } })
  const { run } = await archiveMonth(scene.here, month(1))
  expect([run.outcome, run.facts]).toMatchObject(['succeeded', { archived: 6, failed: 0 }])
  expect(scene.here.events('archive-failed')).toHaveLength(before)
  const archives = await listArchives(scene.here.parts().repository.store, ACME)
  expect(archives.map(one => one.name)).toEqual([month(1), month(0), month(-2)])
  const said = scene.here.events('archive-skipped').filter(one => one.subject === ACME)
  expect(said.at(-1)?.facts).toEqual({
    month: month(-1),
    reason: 'it was missed, and no backup of that month is left',
  })
  const made = scene.here.events('archive-started').filter(one => one.subject === ACME)
  const first = scene.here.app.parts().catalogue.list({ subject: ACME }).at(-1)
  expect(made.at(-1)?.facts).toEqual({ archive: month(0), backup: first?.id })
})

it('a tenant without a backup since its last archive is passed over, and said', async () => {
  const { run } = await archiveMonth(scene.here, month(2))
  expect([run.outcome, run.facts]).toMatchObject(['succeeded', { archived: 0, skipped: 3 }])
  expect(scene.here.events('archive-skipped').at(-1)?.facts).toMatchObject({
    reason: expect.stringContaining(`no backup since ${month(1)}`),
  })
})
