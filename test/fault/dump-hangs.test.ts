// pg_dump stands still: the run's deadline ends it and everything it holds, and the next night goes on as if nothing were.
import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import type { Store } from '../../src/store/port.js'
import { systemClock } from '../../src/sys/clock.js'
import { processAlive } from '../../src/sys/process-identity.js'
import { until } from '../kit/clock.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { install } from '../kit/installation.js'
import type { Twist } from '../kit/twisted-tools.js'

const A = 'tenants/a'
let scene: Scene
beforeAll(async () => {
  scene = await setScene(['a', 'b'])
})
afterAll(() => scene.end())
afterEach(() => scene.tools.straighten())

const connections = () =>
  scene.cluster.sql('postgres', `SELECT pid FROM pg_stat_activity WHERE datname LIKE 'gmah_org_%'`)

test.each<[string, Twist]>([
  ['without a word', { hang: true }],
  ['and does not obey SIGTERM', { hang: true, ignoreTerm: true }],
  ['talking without end on stderr', { chatter: 'endless' }],
])('one that hangs %s is ended by the deadline', async (_, twist) => {
  const { here, tools, manifests, told } = scene
  const before = manifests(A)
  tools.twist('pg_dump', twist)
  const { failure, run } = await here.night({ names: ['a'], deadlineMs: 1_500 })
  expect(failure).toMatchObject({
    code: 'deadline-passed',
    message: 'not finished within 2 seconds',
    hint: expect.stringContaining("raise the schedule's deadline"),
  })
  expect(told(run.id)).toMatchObject({ outcome: 'failed', error: 'deadline-passed', committed: [] })
  expect(manifests(A)).toEqual(before)
  await expect.poll(connections, { timeout: 90_000 }).toEqual([])
  tools.straighten()
  expect(await here.night({ names: ['a'] })).toMatchObject({ failure: null })
})

test('in the middle of its stream: it is gone, its connections are closed, what others had committed stays', async () => {
  const { here, tools, manifests, told, gate } = scene
  const stop = gate('middle')
  tools.twist('pg_dump', { database: 'gmah_org_b', gate: stop.path, gateAt: 200_000 })
  const limit = new AbortController()
  const [before, beforeB] = [manifests(A).length, manifests('tenants/b').length]
  const night = here.night({ names: ['a', 'b'], signal: limit.signal })
  await until(() => stop.reached() && manifests(A).length === before + 1)
  const pid = Number(readFileSync(`${stop.path}.reached`, 'utf8'))
  limit.abort(new Failure('deadline-passed', 'not finished in time'))
  const { failure, run } = await night
  expect(failure).toMatchObject({ code: 'deadline-passed' })
  expect(told(run.id)).toEqual({
    outcome: 'failed',
    error: 'deadline-passed',
    committed: [A],
    failed: { 'tenants/b': 'deadline-passed' },
  })
  expect(processAlive(pid)).toBe(false)
  expect(manifests('tenants/b')).toHaveLength(beforeB)
  await expect.poll(connections, { timeout: 90_000 }).toEqual([])
})

test('that begins late dumps the moment which the backup names, not its own', async () => {
  const { here, tools, cluster } = scene
  const rows = async () => (await cluster.sql('gmah_org_a', 'SELECT FROM notes')).length
  const before = await rows()
  tools.twist('pg_dump', { database: 'gmah_org_a', before: `INSERT INTO notes (body) VALUES ('late')` })
  const { report } = await here.night({ names: ['a'] })
  expect(await rows()).toBe(before + 1)
  const notes = report?.succeeded[0]?.dump?.tables.find(table => table.name === 'notes')
  expect(notes?.rows).toBe(before)
})

test('while this machine sleeps past its lease: the dump is not committed, another may have begun one', async () => {
  const { cluster } = scene
  let sleptMs = 0
  const clock = { ...systemClock, ticks: () => systemClock.ticks() + sleptMs }
  const asleep = (store: Store): Store => ({
    ...store,
    // Each try looks what is stored of the subject, under its lease.
    list: (prefix, options) => {
      if (/\/chunks\/$/.test(prefix)) sleptMs += 200_000
      return store.list(prefix, options)
    },
  })
  const here = await install(cluster.target, { clock, wrapStore: asleep })
  onTestFinished(() => here.remove())
  const { report } = await here.night({ names: ['a', 'platform/globals'] })
  expect(report?.succeeded).toEqual([])
  expect(report?.failed.map(one => `${one.subject} ${one.failure.code}`).sort()).toEqual([
    'platform/globals lease-lost',
    `${A} lease-lost`,
  ])
  expect(here.events('backup-committed')).toEqual([])
})
