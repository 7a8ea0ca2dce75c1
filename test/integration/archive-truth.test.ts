// The reader against the server itself: what it says of a dump is what the tables hold, and what a restore brings back.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ArchiveFacts, ArchiveReader } from '../../src/postgres/archive/reader.js'
import { sha256 } from '../kit/archive-oracle.js'
import { type ArchiveServer, startArchiveServer } from '../kit/archive-server.js'

const DATABASE = 'tenant é"1'
const script = readFileSync(new URL('../fixtures/archives/tenant.sql', import.meta.url), 'utf8')
/** Rows enough for many pieces, in every type whose text is odd. */
const MANY = `CREATE TABLE public.many AS SELECT g AS id, md5(g::text) AS hash,
  CASE g % 7 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE repeat(chr(1 + g % 126), g % 300) END AS body,
  jsonb_build_object('n', g, 'deep', jsonb_build_array(g, NULL)) AS document,
  ARRAY[g, NULL, -g] AS numbers, decode(md5(g::text), 'hex') AS bytes, g / 7.0::float8 AS ratio,
  timestamptz '2026-01-01' + g * interval '1 s' AS at FROM generate_series(1, 30000) g;`

let server: ArchiveServer

const sql = (database: string, text: string): Buffer =>
  server.run('psql', ['-qAtX', '-v', 'ON_ERROR_STOP=1', '-d', database, '-f', '-'], text)

async function dump(database: string): Promise<ArchiveFacts> {
  const reader = new ArchiveReader()
  for await (const piece of server.stream('pg_dump', ['-Fc', '-Z0', '-d', database])) reader.push(piece)
  return reader.end()
}

beforeAll(() => {
  server = startArchiveServer()
  sql('postgres', 'CREATE DATABASE "tenant é""1"')
  sql(DATABASE, script)
  sql(DATABASE, MANY)
})
afterAll(() => server?.stop())

describe('the facts of a live dump', () => {
  it('are what the tables hold', async () => {
    const { tables } = await dump(DATABASE)
    const held =
      "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
    expect(tables).toHaveLength(Number(sql(DATABASE, held)))
    for (const table of tables) {
      const quoted = [table.schema, table.name].map(name => `"${name.replaceAll('"', '""')}"`).join('.')
      const text = sql(DATABASE, `COPY ${quoted} TO STDOUT`)
      expect({ table, rows: table.rows }).toEqual({
        table,
        rows: Number(sql(DATABASE, `SELECT count(*) FROM ${quoted}`)),
      })
      expect({ table, bytes: table.bytes, sha256: table.sha256 }).toEqual({
        table,
        bytes: text.length,
        sha256: sha256(text),
      })
    }
  })

  it('come back the same from a restored copy, in whatever order its rows lie', async () => {
    const before = await dump(DATABASE)
    const archive = server.run('pg_dump', ['-Fc', '-Z0', '-d', DATABASE])
    sql('postgres', 'CREATE DATABASE copy')
    server.run('pg_restore', ['--exit-on-error', '-d', 'copy'], archive)
    sql('copy', 'UPDATE public.many SET id = id WHERE id % 3 = 0')
    const after = await dump('copy')
    const unordered = (facts: ArchiveFacts) => facts.tables.map(({ sha256: _, offset: __, ...rest }) => rest)
    expect(unordered(after)).toEqual(unordered(before))
    expect(after.tables.find(table => table.name === 'many')?.sha256).not.toBe(
      before.tables.find(table => table.name === 'many')?.sha256,
    )
    for (const part of ['entries', 'sequences', 'largeObjects', 'extensions'] as const) {
      expect(after[part]).toEqual(before[part])
    }
  })

  it('change with one changed value', async () => {
    const before = await dump(DATABASE)
    sql(DATABASE, "UPDATE public.many SET body = body || 'x' WHERE id = 20000")
    const after = await dump(DATABASE)
    const changed = after.tables.filter((table, n) => table.digest !== before.tables[n]?.digest)
    expect(changed.map(table => table.name)).toEqual(['many'])
  })

  it('are refused for a compressed dump and for one of INSERT statements', async () => {
    for (const [option, message] of [
      ['-Z6', 'the archive is compressed'],
      ['--inserts', 'was not dumped by COPY'],
    ] as const) {
      const archive = server.run('pg_dump', [
        '-Fc',
        option === '-Z6' ? option : '-Z0',
        option,
        '-d',
        DATABASE,
      ])
      expect(() => new ArchiveReader().push(archive)).toThrow(
        expect.objectContaining({ code: 'dump-invalid', message: expect.stringContaining(message) }),
      )
    }
  })
})
