// The platform's list of tenants and the server's databases disagree: every disagreement is an event, no backup is lost to it.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Scene, setScene } from '../kit/disaster.js'

const QUERY = 'SELECT name AS tenant, base AS database, state AS status FROM public.tenants'
let scene: Scene
beforeAll(async () => {
  scene = await setScene(['a', 'b', 'c'], {
    rows: 10,
    config: { postgres: { tenants: { query: QUERY } } },
  })
  await scene.cluster.sql('gmah_master', 'CREATE TABLE tenants (name text, base text, state text)')
})
afterAll(() => scene.end())
beforeEach(() =>
  scene.cluster.sql(
    'gmah_master',
    `TRUNCATE tenants; INSERT INTO tenants SELECT n, 'gmah_org_' || n, 'active' FROM unnest('{a,b,c}'::text[]) n`,
  ),
)

const ALL = ['platform/globals', 'platform/master', 'tenants/a', 'tenants/b', 'tenants/c']

async function night(type: 'drift' | 'subject-skipped' | 'discovery-problem') {
  const { here, told } = scene
  const { run } = await here.night()
  const facts = here
    .events(type)
    .filter(event => event.run === run.id)
    .map(event => event.facts)
  return { facts, told: told(run.id) }
}

test('nothing is said when the two agree', async () => {
  expect(await night('drift')).toEqual({
    facts: [],
    told: { outcome: 'succeeded', error: null, committed: ALL, failed: {} },
  })
})

test('a tenant without a database, a database without a tenant, a tenant that is gone, one that no rule covers', async () => {
  await scene.cluster.createDatabase({ name: 'odd_name' })
  await scene.cluster.sql(
    'gmah_master',
    `DELETE FROM tenants WHERE name = 'b'; UPDATE tenants SET state = 'archived' WHERE name = 'c';
     INSERT INTO tenants VALUES ('new', 'gmah_org_new', 'active'), ('old', 'gmah_org_old', 'deleted'), ('odd', 'odd_name', 'active')`,
  )
  const { facts, told } = await night('drift')
  expect(facts).toHaveLength(4)
  expect(facts).toEqual(
    expect.arrayContaining([
      { kind: 'tenant-without-database', tenant: 'new', database: 'gmah_org_new' },
      { kind: 'database-without-tenant', database: 'gmah_org_b' },
      {
        kind: 'inactive-tenant-with-database',
        tenant: 'c',
        database: 'gmah_org_c',
        status: 'archived',
      },
      { kind: 'tenant-not-covered', tenant: 'odd', database: 'odd_name', reason: 'matches no rule' },
    ]),
  )
  // Who is in doubt is backed up all the same.
  expect(told).toEqual({ outcome: 'succeeded', error: null, committed: ALL, failed: {} })
  const { stdout } = await scene.here.cli('tenants')
  for (const name of ['gmah_org_new', 'gmah_org_b', 'odd_name']) expect(stdout).toContain(name)
})

test('templates and databases that refuse connections are skipped, each with its reason', async () => {
  const { cluster } = scene
  await cluster.createDatabase({ name: 'gmah_org_shut' })
  await cluster.createDatabase({ name: 'gmah_org_mould' })
  await cluster.sql('postgres', 'ALTER DATABASE gmah_org_shut ALLOW_CONNECTIONS false')
  await cluster.sql('postgres', 'ALTER DATABASE gmah_org_mould IS_TEMPLATE true')
  const { facts, told } = await night('subject-skipped')
  expect(facts).toEqual(
    expect.arrayContaining([
      { database: 'gmah_org_shut', reason: 'refuses connections' },
      { database: 'gmah_org_mould', reason: 'is a template' },
      { database: 'postgres', reason: 'matches no rule' },
      { database: 'template0', reason: 'is a template' },
    ]),
  )
  expect(told.committed).toEqual(ALL)
})

test('a database that has backups and is gone: said every night, its backups stay and can be restored', async () => {
  const { cluster, here, manifests } = scene
  await cluster.createDatabase({ name: 'gmah_org_leaving', like: 'gmah_org_a' })
  await here.night()
  await cluster.sql('postgres', 'DROP DATABASE gmah_org_leaving')
  for (const _ of [1, 2]) {
    const { facts, told } = await night('drift')
    expect(facts).toContainEqual({ kind: 'database-vanished', database: 'gmah_org_leaving' })
    expect(told.outcome).toBe('succeeded')
  }
  expect(manifests('tenants/leaving')).toHaveLength(1)
  expect((await here.restore('leaving', 'back again')).proof.differences).toEqual([])
})

test('a database that has backups, is there and is left out: nobody says that it is gone', async () => {
  const { cluster, here } = scene
  await cluster.createDatabase({ name: 'gmah_org_shy', like: 'gmah_org_a' })
  await here.night({ names: ['shy'] })
  await cluster.sql('postgres', 'ALTER DATABASE gmah_org_shy ALLOW_CONNECTIONS false')
  const reason = 'refuses connections'
  const about = (facts: object[]) =>
    facts.filter(one => (one as { database: string }).database === 'gmah_org_shy')
  const { facts } = await night('drift')
  expect(about(facts)).toEqual([{ kind: 'database-not-covered', database: 'gmah_org_shy', reason }])
  const line = async () => (await here.cli('status', '--all')).stdout.match(/^.* shy .*$/m)?.[0]
  expect((await here.cli('tenants')).stdout).toContain(
    'gmah_org_shy has backups, but gets none any more: it refuses connections',
  )
  expect(await line()).toMatch(/^ok +shy +left out: refuses connections /)

  await cluster.sql('gmah_master', "INSERT INTO tenants VALUES ('shy', 'gmah_org_shy', 'active')")
  const { facts: listed } = await night('drift')
  expect(about(listed)).toEqual([
    { kind: 'tenant-not-covered', tenant: 'shy', database: 'gmah_org_shy', reason },
  ])
  expect((await here.cli('tenants')).stdout).toContain(
    'NOBODY BACKS UP gmah_org_shy of tenant shy: it refuses connections',
  )
  expect(await line()).toMatch(/^BAD +shy +not backed up: refuses connections /)
})

test('a query that fails is a problem that is told, costs no backup, and keeps the night from being called whole', async () => {
  await scene.cluster.sql('gmah_master', 'ALTER TABLE tenants RENAME TO elsewhere')
  const { facts, told } = await night('discovery-problem')
  expect(facts).toEqual([{ error: expect.objectContaining({ code: 'postgres-failed' }) }])
  expect(told).toMatchObject({ outcome: 'partial', committed: ALL })
  await scene.cluster.sql('gmah_master', 'ALTER TABLE elsewhere RENAME TO tenants')
})
