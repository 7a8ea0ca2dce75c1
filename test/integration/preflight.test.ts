// The check of rights before a dump, held against what pg_dump itself then says.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { withSession } from '../../src/postgres/connection.js'
import { assertReadable, privilegeProblems } from '../../src/postgres/preflight.js'
import { type Cluster, randomName, startCluster } from '../kit/cluster.js'
import { dump } from '../kit/dumping.js'

let cluster: Cluster
let user: string
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())
beforeEach(async () => {
  user = randomName('backup')
  await cluster.sql('postgres', `CREATE ROLE ${user} LOGIN`)
})

const problems = (database: string) =>
  withSession(cluster.as(user), database, {}, async session => {
    const found = await privilegeProblems(session)
    return Object.fromEntries(found.map(one => [one.obstacle, one.names]))
  })

const dumps = async (database: string) =>
  (await dump({ target: cluster.as(user), database })).result.exitCode === 0

/** Each is one obstacle, and the one statement that takes it away. */
const OBSTACLES: [string, string, string, Record<string, string[]>][] = [
  ['a table', 'CREATE TABLE "T 1" ()', 'GRANT SELECT ON "T 1" TO', { table: ['public.T 1'] }],
  [
    'a column is not a table',
    'CREATE TABLE t (a int); GRANT SELECT (a) ON t TO PUBLIC',
    'GRANT SELECT ON t TO',
    { table: ['public.t'] },
  ],
  [
    'a schema',
    'CREATE SCHEMA hidden; CREATE TABLE hidden.t (); GRANT SELECT ON hidden.t TO PUBLIC',
    'GRANT USAGE ON SCHEMA hidden TO',
    { schema: ['hidden'] },
  ],
  ['a sequence', 'CREATE SEQUENCE s', 'GRANT SELECT ON s TO', { sequence: ['public.s'] }],
  [
    'a partition',
    `CREATE TABLE p (n int) PARTITION BY LIST (n); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); GRANT SELECT ON p TO PUBLIC`,
    'GRANT SELECT ON p1 TO',
    { table: ['public.p1'] },
  ],
  [
    'row security',
    'CREATE TABLE g (); GRANT SELECT ON g TO PUBLIC; ALTER TABLE g ENABLE ROW LEVEL SECURITY',
    'ALTER ROLE :user BYPASSRLS; SELECT 1 --',
    { 'row-security': ['public.g'] },
  ],
  [
    'a large object',
    'SELECT lo_create(4711)',
    'GRANT SELECT ON LARGE OBJECT 4711 TO',
    { 'large-object': ['4711'] },
  ],
]

describe.each(OBSTACLES)('%s', (_name, sql, remedy, expected) => {
  test('is told, and pg_dump agrees before and after the remedy', async () => {
    const database = await cluster.createDatabase({ sql })
    expect(await problems(database)).toEqual(expected)
    expect(await dumps(database)).toBe(false)
    await cluster.sql(database, `${remedy.replace(':user', user)} ${user}`)
    expect(await problems(database)).toEqual({})
    expect(await dumps(database)).toBe(true)
  })
})

test('what pg_dump does not read is no obstacle', async () => {
  const database = await cluster.createDatabase({
    sql: `CREATE VIEW v AS SELECT 1 AS n; CREATE MATERIALIZED VIEW m AS SELECT 1 AS n; CREATE SCHEMA empty;
          CREATE SCHEMA extended; CREATE EXTENSION pg_stat_statements SCHEMA extended; CREATE EXTENSION citext`,
  })
  expect(await problems(database)).toEqual({})
  expect(await dumps(database)).toBe(true)
})

test('owners, superusers and pg_read_all_data meet no obstacle', async () => {
  const database = await cluster.createDatabase({
    sql: `CREATE TABLE t (); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE SEQUENCE s; SELECT lo_create(1);
          CREATE SCHEMA hidden; CREATE TABLE hidden.t ()`,
  })
  expect(await withSession(cluster.target, database, {}, privilegeProblems)).toEqual([])
  await cluster.sql('postgres', `ALTER ROLE ${user} BYPASSRLS; GRANT pg_read_all_data TO ${user}`)
  expect(await problems(database)).toEqual({ 'large-object': ['1'] })
  await expect(withSession(cluster.as(user), database, {}, assertReadable)).rejects.toMatchObject({
    hint: expect.stringContaining('large object'),
  })
})

test('the failure names ten and counts the rest', async () => {
  const database = await cluster.createDatabase({
    sql: Array.from({ length: 12 }, (_, n) => `CREATE TABLE t${n + 10} ()`).join(';'),
  })
  const failing = withSession(cluster.as(user), database, {}, assertReadable)
  await expect(failing).rejects.toMatchObject({
    code: 'privileges-missing',
    message: expect.stringMatching(/public\.t10, .*public\.t19 and 2 more/),
    facts: { problems: [{ obstacle: 'table', count: 12 }] },
  })
})
