// What a restore would do is said before anything is done: the backup, the time, who is connected, what would be set aside.
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Manifest } from '../../src/domain/manifest.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { planRestore } from '../../src/jobs/plan-restore.js'
import type { RestorePlan } from '../../src/jobs/restore-plan.js'
import { chunkKey } from '../../src/store/keys.js'
import { until } from '../kit/clock.js'
import { type Scene, setScene } from '../kit/disaster.js'

let scene: Scene
let first: Manifest
let second: Manifest
beforeAll(async () => {
  scene = await setScene(['a'], { rows: 500 })
  const night = async () => (await scene.here.night({ names: ['a'] })).report?.succeeded[0] as Manifest
  first = await night()
  await scene.cluster.sql(
    'gmah_org_a',
    `INSERT INTO items SELECT i, md5(i::text) FROM generate_series(501, 520) i`,
  )
  second = await night()
})
afterAll(() => scene.end())

const signal = new AbortController().signal
const plan = async (backup = 'latest', database: string | null = null): Promise<RestorePlan> => {
  const request = { subject: subjectNamed('a'), backup, database, withRoles: false }
  return (await planRestore(scene.here.parts(), request, { signal })).plan
}

test('in place: the newest backup, the clients that would be ended, the rows that would be set aside', async () => {
  const { cluster } = scene
  await cluster.sql(
    'gmah_org_a',
    'DELETE FROM items WHERE id <= 100; CREATE TABLE younger AS SELECT 1 AS one',
  )
  await cluster.sql('postgres', 'ALTER DATABASE gmah_org_a CONNECTION LIMIT 7')
  await cluster.sql('gmah_org_a', 'VACUUM ANALYZE')
  const { host, port, user } = cluster.target
  const client = new Client({ host, port, user, database: 'gmah_org_a', application_name: 'shop' })
  await client.connect()
  // The server takes a moment to see that the sessions before this one have left.
  const others = "SELECT FROM pg_stat_activity WHERE datname = 'gmah_org_a' AND application_name <> 'shop'"
  await until(async () => (await cluster.sql('postgres', others)).length === 0)
  const found = await plan()
  await client.end()
  expect(found).toMatchObject({
    inPlace: true,
    database: 'gmah_org_a',
    backup: { backup: second.backup, rows: 540, tables: 2 },
    gapSeconds: null,
    passedOver: [],
    expected: { basis: 'dumps', samples: 2 },
    missingRoles: [],
    problems: [],
  })
  expect(found.live?.connections).toEqual([{ user, application: 'shop', client: 'socket', count: 1 }])
  expect(found.live?.changes).toEqual([{ name: 'connection limit', backup: '-1', now: '7' }])
  expect(found.younger.tables).toEqual([
    { schema: 'public', name: 'items', backup: 520, now: 420 },
    { schema: 'public', name: 'younger', backup: null, now: 1 },
  ])
  expect(found.younger.walBytes).toBeGreaterThan(1000)
  expect(found.disk.freeBytes).toBeGreaterThan(found.disk.neededBytes)
  expect(found.expected.safetyCopySeconds).toBeGreaterThan(0)
})

test('a server that has counted nothing since its crash does not make the live database look empty', async () => {
  await scene.cluster.sql('gmah_org_a', 'SELECT pg_stat_reset()')
  const { tables } = (await plan()).younger
  expect(tables?.filter(one => one.now === 0)).toEqual([])
})

test('at an instant: the newest not after it, and the gap', async () => {
  const between = new Date(Date.parse(first.instant) + 1).toISOString()
  const found = await plan(between)
  expect(found.backup.backup).toBe(first.backup)
  expect(found.gapSeconds).toBeCloseTo(0.001, 6)
  await expect(plan('2001-01-01T00:00:00Z')).rejects.toMatchObject({ code: 'backup-unknown' })
})

test('the measured rate of an earlier restore is what the next one is expected to take', async () => {
  await scene.here.restore('a', 'copy')
  expect((await plan()).expected).toMatchObject({ basis: 'restores', samples: 1 })
  await scene.cluster.sql('postgres', 'DROP DATABASE copy')
})

describe('what stands in the way is listed, not thrown', () => {
  test('the name is taken', async () => {
    const found = await plan('latest', 'gmah_org_a')
    expect(found.problems).toMatchObject([{ code: 'target-exists' }])
  })

  test('the user may not make databases: what to type is said before anybody confirms', async () => {
    await scene.cluster.sql('postgres', 'CREATE ROLE "poor man" LOGIN; CREATE ROLE maker LOGIN CREATEDB')
    const parts = scene.here.parts()
    const as = async (user: string) => {
      const postgres = { ...parts.config.postgres, user }
      const request = { subject: subjectNamed('a'), backup: 'latest', database: 'beside', withRoles: false }
      const asked = { ...parts, config: { ...parts.config, postgres } }
      return (await planRestore(asked, request, { signal })).plan.problems
    }
    expect(await as('poor man')).toMatchObject([
      {
        code: 'privileges-missing',
        message: 'poor man may not create a database that belongs to postgres',
        hint: expect.stringContaining(`psql -c 'ALTER ROLE "poor man" SUPERUSER'`),
      },
    ])
    expect(await as('maker')).toMatchObject([{ code: 'privileges-missing' }])
    await scene.cluster.sql('postgres', 'GRANT postgres TO maker')
    expect(await as('maker')).toEqual([])
    await scene.cluster.sql('postgres', 'DROP ROLE maker; DROP ROLE "poor man"')
  })

  test('the newest backup lacks a chunk: the one before is taken, and why', async () => {
    const { repository } = scene.here.parts()
    const own = second.chunks.find(one => !first.chunks.some(other => other.id === one.id))
    await repository.store.delete(chunkKey(second.subject, own?.id as never))
    const found = await plan()
    expect(found.backup.backup).toBe(first.backup)
    expect(found.passedOver).toMatchObject([{ backup: second.backup, code: 'object-missing' }])
    await expect(plan(second.backup)).rejects.toMatchObject({ code: 'object-missing' })
  })

  test('the database is gone: nothing to set aside', async () => {
    await scene.cluster.sql('postgres', 'DROP DATABASE gmah_org_a')
    expect(await plan()).toMatchObject({
      database: 'gmah_org_a',
      live: null,
      younger: { tables: null },
      problems: [],
    })
  })
})
