// One thing is changed in a restored database, and the proof names exactly that.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DumpFacts } from '../../src/domain/manifest.js'
import { assertProven, type Difference, prove } from '../../src/verify/proof.js'
import { type Scene, setScene } from '../kit/disaster.js'

let scene: Scene
let facts: DumpFacts
const COPY = 'copy of a'

beforeAll(async () => {
  scene = await setScene(['a'], { rows: 500 })
  await scene.cluster.sql('postgres', 'CREATE ROLE guest; CREATE ROLE other')
  await scene.cluster.sql(
    'gmah_org_a',
    `CREATE TABLE twins (word text); INSERT INTO twins VALUES ('same'), ('same'), ('other');
     CREATE VIEW seen AS SELECT id FROM items; GRANT SELECT ON seen TO guest;
     CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
     CREATE INDEX by_word ON twins (word);
     SELECT lo_from_bytea(4711, 'a large object');
     COMMENT ON DATABASE gmah_org_a IS 'the original'; GRANT TEMPORARY ON DATABASE gmah_org_a TO guest;
     ALTER DATABASE gmah_org_a SET work_mem = '5MB'`,
  )
  const { report } = await scene.here.night({ names: ['a'] })
  const [manifest] = report?.succeeded ?? []
  if (!manifest?.dump) throw new Error('a backup was expected')
  facts = manifest.dump
  await scene.here.restore('a', COPY)
})
afterAll(() => scene.end())

const differences = async (database: string) => {
  const { config } = scene.here.parts()
  const options = { politeness: config.dump, signal: new AbortController().signal }
  return prove(config.postgres, database, facts, options)
}

let harmed: string
beforeEach(async () => {
  harmed = await scene.cluster.createDatabase({ like: COPY })
})

test('the untouched copy is proven', async () => {
  expect(await differences(COPY)).toMatchObject({ differences: [], reordered: 0, schemaCompared: true })
})

const HARM: [what: string, sql: string, expected: Partial<Difference>[]][] = [
  [
    'one byte',
    `UPDATE items SET word = overlay(word placing '!' from 7) WHERE id = 250`,
    [{ what: 'table', name: 'public.items' }],
  ],
  [
    'one row that is gone',
    'DELETE FROM items WHERE id = 1',
    [{ what: 'table', name: 'public.items', restored: expect.stringContaining('499 rows') }],
  ],
  [
    'one row too many',
    `INSERT INTO notes (id, body) VALUES (0, 'new')`,
    [{ what: 'table', name: 'public.notes', restored: expect.stringContaining('21 rows') }],
  ],
  [
    'a row that is there twice for another that is gone',
    `UPDATE twins SET word = 'other' WHERE ctid = '(0,1)'`,
    [{ what: 'table', name: 'public.twins' }],
  ],
  [
    'an empty text for a null',
    `UPDATE notes SET body = NULL WHERE id = 3`,
    [{ what: 'table', name: 'public.notes' }],
  ],
  [
    'one sequence value',
    `SELECT setval('notes_id_seq', 21)`,
    [{ what: 'sequence', name: 'public.notes_id_seq', backup: '20', restored: '21' }],
  ],
  [
    'a sequence not called yet',
    `SELECT setval('notes_id_seq', 20, false)`,
    [{ what: 'sequence', name: 'public.notes_id_seq', restored: '20 (not called)' }],
  ],
  [
    'one grant less',
    'REVOKE SELECT ON seen FROM guest',
    [{ what: 'schema', name: 'ACL public.TABLE seen', restored: 'nothing' }],
  ],
  [
    'one grant more',
    'GRANT UPDATE ON items TO guest',
    [{ what: 'schema', name: 'ACL public.TABLE items', backup: 'nothing' }],
  ],
  ['another grant', 'GRANT INSERT ON seen TO guest', [{ what: 'schema', name: 'ACL public.TABLE seen' }]],
  [
    'one comment',
    `COMMENT ON TABLE notes IS 'what was said!'`,
    [{ what: 'schema', name: 'COMMENT public.TABLE notes' }],
  ],
  [
    'one owner',
    'ALTER VIEW seen OWNER TO other',
    [{ what: 'schema', name: 'VIEW public.seen', restored: expect.stringContaining('owned by other') }],
  ],
  [
    'a body',
    `CREATE OR REPLACE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 3 * n'`,
    [{ what: 'schema', name: 'FUNCTION public.twice(integer)' }],
  ],
  ['an index', 'DROP INDEX by_word', [{ what: 'schema', name: 'INDEX public.by_word', restored: 'nothing' }]],
  [
    'a default',
    `ALTER TABLE items ALTER word SET DEFAULT 'x'`,
    [{ what: 'schema', name: 'TABLE public.items' }],
  ],
  ['a large object', `SELECT lo_put(4711, 3, 'L')`, [{ what: 'large objects', name: 'all' }]],
  [
    'an extension',
    'CREATE EXTENSION citext',
    [{ what: 'schema', name: expect.stringContaining('EXTENSION') }],
  ],
]

describe('the proof names', () => {
  test.each(HARM)('%s', async (_what, sql, expected) => {
    await scene.cluster.sql(harmed, sql)
    const proof = await differences(harmed)
    proof.differences = proof.differences.filter(one => one.what !== 'database')
    for (const one of expected) expect(proof.differences).toContainEqual(expect.objectContaining(one))
    const kinds = new Set(proof.differences.map(one => one.what))
    expect([...kinds]).toEqual([expected[0]?.what])
    expect(() => assertProven(proof, harmed)).toThrow(
      expect.objectContaining({ code: 'proof-failed', message: expect.stringContaining(harmed) }),
    )
  })
})

describe('the proof names what belongs to the database itself:', () => {
  const cases: [name: string, sql: string, remedy: string][] = [
    [
      'comment',
      `COMMENT ON DATABASE "${COPY}" IS 'another'`,
      `COMMENT ON DATABASE "${COPY}" IS 'the original'`,
    ],
    [
      'rights',
      `REVOKE TEMPORARY ON DATABASE "${COPY}" FROM guest`,
      `GRANT TEMPORARY ON DATABASE "${COPY}" TO guest`,
    ],
    [
      'settings',
      `ALTER DATABASE "${COPY}" SET work_mem = '6MB'`,
      `ALTER DATABASE "${COPY}" SET work_mem = '5MB'`,
    ],
    ['owner', `ALTER DATABASE "${COPY}" OWNER TO other`, `ALTER DATABASE "${COPY}" OWNER TO postgres`],
    [
      'connection limit',
      `ALTER DATABASE "${COPY}" CONNECTION LIMIT 7`,
      `ALTER DATABASE "${COPY}" CONNECTION LIMIT -1`,
    ],
  ]
  test.each(cases)('%s', async (name, sql, remedy) => {
    await scene.cluster.sql('postgres', sql)
    const { differences: found } = await differences(COPY)
    expect(found).toContainEqual(expect.objectContaining({ what: 'database', name }))
    expect(new Set(found.map(one => one.what))).toEqual(new Set(['database']))
    await scene.cluster.sql('postgres', remedy)
    expect((await differences(COPY)).differences).toEqual([])
  })
})

test('rows in another physical order are no difference, and are counted', async () => {
  await scene.cluster.sql(
    harmed,
    'CREATE TABLE aside AS SELECT * FROM items; TRUNCATE items; INSERT INTO items SELECT * FROM aside ORDER BY id DESC; DROP TABLE aside',
  )
  const proof = await differences(harmed)
  expect(proof.reordered).toBe(1)
  expect(proof.differences.filter(one => one.what !== 'database')).toEqual([])
})
