// Some tables of a backup: what belongs to them comes along, nothing else does, and little more than their chunks is fetched.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Manifest } from '../../src/domain/manifest.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { restoreBeside } from '../../src/jobs/restore-beside.js'
import { type Scene, setScene } from '../kit/disaster.js'

const LIVE = 'gmah_org_a'
let scene: Scene
let fetched: string[] = []
beforeAll(async () => {
  scene = await setScene(['a'], {
    rows: 4000,
    wrapStore: store => ({
      ...store,
      get: (key, options) => {
        if (key.includes('/chunks/')) fetched.push(key)
        return store.get(key, options)
      },
    }),
  })
  await scene.cluster.sql(
    LIVE,
    `CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE SCHEMA shop; CREATE ROLE clerk;
     CREATE TABLE shop.orders (id serial, item int REFERENCES public.items, mood public.mood DEFAULT 'glad', day date NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
     CREATE TABLE shop.orders_old PARTITION OF shop.orders FOR VALUES FROM ('2020-01-01') TO ('2026-01-01');
     CREATE TABLE shop.orders_new PARTITION OF shop.orders FOR VALUES FROM ('2026-01-01') TO ('2030-01-01');
     CREATE TABLE shop.lines (orders int, day date, body text, CHECK (body <> ''));
     CREATE INDEX ON shop.orders (mood); GRANT SELECT ON shop.orders TO clerk; COMMENT ON TABLE shop.orders IS 'what was sold';
     INSERT INTO shop.orders (item, day) SELECT i, '2025-12-25'::date + i FROM generate_series(1, 30) i;
     INSERT INTO shop.lines SELECT i, '2025-12-25', 'line ' || i FROM generate_series(1, 100) i;
     SELECT lo_from_bytea(0, 'large'); CREATE VIEW shop.glad AS SELECT * FROM shop.orders WHERE mood = 'glad'`,
  )
  expect(await scene.here.night()).toMatchObject({ failure: null })
})
afterAll(() => scene.end())

async function restore(names: string[], database: string) {
  fetched = []
  const made: { report?: Awaited<ReturnType<typeof restoreBeside>> } = {}
  const subject = subjectNamed('a')
  const { failure } = await scene.here.app.runner.run(
    { name: 'restore', subject, trigger: 'manual' },
    async context => {
      const tables = names.map(one => {
        const [schema = '', name = ''] = one.split('.')
        return { schema, name }
      })
      const request = { subject, backup: 'latest', database, withRoles: false, tables }
      made.report = await restoreBeside(scene.here.parts(), request, context)
      return { outcome: 'succeeded' }
    },
  )
  if (failure) throw failure
  return made.report!
}
const relations = (database: string) =>
  scene.cluster
    .sql<{ name: string }>(
      database,
      `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE nspname IN ('public', 'shop') AND relkind IN ('r', 'p', 'v', 'S') ORDER BY 1`,
    )
    .then(rows => rows.map(row => row.name))

test('a small table: its rows, its sequence, its comment, and few chunks', async () => {
  const report = await restore(['public.notes'], 'small')
  expect(report.proof).toMatchObject({ tables: 1, rows: 20, differences: [], schemaCompared: true })
  expect(await relations('small')).toEqual(['notes', 'notes_id_seq'])
  expect(
    await scene.cluster.sql(
      'small',
      `SELECT obj_description('notes'::regclass) AS said, nextval('notes_id_seq')::int AS next`,
    ),
  ).toEqual([{ said: 'what was said', next: 21 }])
  const manifest = report.manifest as Manifest
  expect(manifest.chunks.length).toBeGreaterThan(60)
  // The table of contents, the table, and what was fetched ahead of either.
  expect(new Set(fetched).size).toBeLessThan(manifest.chunks.length / 2)
})

test('a partitioned table in a schema of its own: partitions, type, sequence, index, rights; no key to what is not there', async () => {
  const report = await restore(['shop.orders'], 'sold')
  expect(report.proof).toMatchObject({ rows: 30, differences: [] })
  expect(await relations('sold')).toEqual([
    'shop.orders',
    'shop.orders_id_seq',
    'shop.orders_new',
    'shop.orders_old',
  ])
  const [facts] = await scene.cluster.sql(
    'sold',
    `SELECT (SELECT count(*)::int FROM shop.orders) AS rows, has_table_privilege('clerk', 'shop.orders', 'SELECT') AS may,
            (SELECT count(*)::int FROM pg_constraint WHERE contype = 'f') AS keys, (SELECT count(*)::int FROM pg_largeobject_metadata) AS objects,
            (SELECT count(*)::int FROM pg_index i JOIN pg_class c ON c.oid = indrelid WHERE relname = 'orders') AS indexes`,
  )
  expect(facts).toEqual({ rows: 30, may: true, keys: 0, objects: 0, indexes: 2 })
})

test('two tables that are tied by a key: the key comes too', async () => {
  const { proof } = await restore(['public.items', 'shop.orders'], 'both')
  expect(proof).toMatchObject({ tables: 3, rows: 4030, differences: [] })
  const keys = `SELECT count(*)::int AS keys FROM pg_constraint WHERE contype = 'f' AND conrelid = 'shop.orders'::regclass`
  expect(await scene.cluster.sql('both', keys)).toEqual([{ keys: 1 }])
})

test('on the command line: named, or refused when there is no such table', async () => {
  const { here } = scene
  const { exitCode, stderr } = await here.cli('restore', 'a', '--tables', 'notes,nothing', '--as', 'x')
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining('has no table public.nothing')])
  const done = await here.cli('restore', 'a', '--tables', 'lines', '--schema', 'shop', '--as', 'lines')
  expect([done.exitCode, done.stdout]).toEqual([0, expect.stringMatching(/^proven: 1 table, 100 rows/m)])
  expect((await here.cli('restore', 'a', '--tables', 'lines', '--in-place')).exitCode).toBe(2)
})
