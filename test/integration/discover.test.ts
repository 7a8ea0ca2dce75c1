// Discovery on a real server: odd names, skipped databases with their reasons, and the comparison with the master's list.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { subjectName } from '../../src/domain/subject.js'
import { discover } from '../../src/postgres/discover.js'
import { type Cluster, randomName, startCluster } from '../kit/cluster.js'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

const ODD = [
  'a b',
  `it's "q"`,
  'Łódź',
  '100%',
  '%41',
  'A',
  'x/y',
  '..',
  '../../etc',
  '.',
  'UPPER',
  'upper',
  'new\nline',
  '-rf',
  '日'.repeat(19),
]

test('odd names are tenants of their own, each with a key of its own', async () => {
  for (const name of ODD) await cluster.createDatabase({ name: `odd_${name}` })
  const found = await discover(cluster.target, { pattern: /odd_(?<tenant>.+)/, master: null })
  const tenants = found.subjects.filter(subject => subject.kind === 'tenant')
  expect(new Set(tenants.map(one => one.tenant))).toEqual(new Set(ODD))
  expect(new Set(tenants.map(one => one.id)).size).toBe(ODD.length)
  for (const one of tenants) {
    expect(one.database).toBe(`odd_${one.tenant}`)
    expect(subjectName(one.id)).toBe(one.tenant)
    expect(one.id).toMatch(/^tenants\/[^/]+$/)
  }
  expect(found.server.versionNum).toBeGreaterThan(120_000)
})

test('what is not backed up is named with its reason', async () => {
  const closed = await cluster.createDatabase({ name: 'skip_closed' })
  await cluster.sql('postgres', `ALTER DATABASE ${closed} ALLOW_CONNECTIONS false`)
  const template = await cluster.createDatabase({ name: 'skip_template' })
  await cluster.sql('postgres', `ALTER DATABASE ${template} IS_TEMPLATE true`)
  const broken = await cluster.createDatabase({ name: 'skip_broken' })
  await cluster.sql('postgres', `UPDATE pg_database SET datconnlimit = -2 WHERE datname = '${broken}'`)
  await cluster.createDatabase({ name: 'skip_fine' })
  await cluster.createDatabase({ name: 'before_skip_fine' })
  const found = await discover(cluster.target, { pattern: /skip_(?<tenant>.+)/, master: null })
  expect(found.subjects).toMatchObject([{ kind: 'globals' }, { kind: 'tenant', tenant: 'fine' }])
  expect(Object.fromEntries(found.skipped.map(one => [one.database, one.reason]))).toMatchObject({
    skip_closed: 'refuses connections',
    skip_template: 'is a template',
    skip_broken: 'is invalid: dropping it was interrupted',
    before_skip_fine: 'matches no rule',
    postgres: 'matches no rule',
    template0: 'is a template',
  })
  expect(found.subjects.length - 1 + found.skipped.length).toBe(found.databases.length)
})

test('two databases of one tenant are refused, both named', async () => {
  await cluster.createDatabase({ name: 'twin_acme' })
  await cluster.createDatabase({ name: 'TWIN_acme' })
  const failing = discover(cluster.target, { pattern: /twin_(?<tenant>.+)/i, master: null })
  await expect(failing).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringMatching(/"TWIN_acme".*"twin_acme"/),
  })
})

test('a pattern without the group is refused', async () => {
  await expect(discover(cluster.target, { pattern: /gmah_(.+)/, master: null })).rejects.toMatchObject({
    code: 'config-invalid',
  })
})

test('the list on the master is compared, whatever search_path the master has', async () => {
  const master = await cluster.createDatabase({
    name: randomName('master'),
    sql: `CREATE SCHEMA app; CREATE TABLE app.organisations (id int, database_name name, state text);
      INSERT INTO app.organisations VALUES (1, 'list_one', 'active'), (2, 'list_two', 'deleted'),
        (3, 'list_three', 'active'), (4, 'postgres', 'active'), (5, 'list_five', 'deleted')`,
  })
  await cluster.sql('postgres', `ALTER DATABASE ${master} SET search_path = app`)
  for (const name of ['list_one', 'list_two', 'list_four']) await cluster.createDatabase({ name })
  const query = 'SELECT id, database_name AS database, state AS status FROM organisations ORDER BY id'
  const found = await discover(cluster.target, { pattern: /list_(?<tenant>.+)/, master, query })
  expect(found.problems).toEqual([])
  expect(found.subjects.map(subject => subject.id)).toEqual([
    ...['platform/globals', 'platform/master'],
    ...['tenants/four', 'tenants/one', 'tenants/two'],
  ])
  expect(found.drift).toEqual([
    { kind: 'inactive-tenant-with-database', tenant: '2', database: 'list_two', status: 'deleted' },
    { kind: 'tenant-without-database', tenant: '3', database: 'list_three' },
    { kind: 'tenant-not-covered', tenant: '4', database: 'postgres', reason: 'matches no rule' },
    { kind: 'database-without-tenant', database: 'list_four' },
  ])
})

test.each([
  ['a query that fails', 'SELECT * FROM absent', 'postgres-failed'],
  ['a query that writes', 'CREATE TABLE t AS SELECT 1 AS tenant', 'postgres-failed'],
  ['a query without the columns', 'SELECT 1 AS one', 'config-invalid'],
])('%s is a problem, and the tenants are found all the same', async (_name, query, code) => {
  const master = await cluster.createDatabase()
  const tenant = await cluster.createDatabase({ name: randomName('kept') })
  const found = await discover(cluster.target, { pattern: /(?<tenant>kept_.+)/, master, query })
  expect(found.problems).toMatchObject([{ code }])
  expect(found.subjects).toContainEqual(expect.objectContaining({ database: tenant }))
})

test('a master that is not there is a problem', async () => {
  const found = await discover(cluster.target, {
    pattern: /(?<tenant>none)/,
    master: 'absent',
    query: 'SELECT 1',
  })
  expect(found.problems).toMatchObject([{ code: 'postgres-denied' }])
})
