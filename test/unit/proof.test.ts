// The comparison behind a proof, as pure arithmetic over facts.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DumpFacts, TableFacts } from '../../src/domain/manifest.js'
import type { ArchiveFacts } from '../../src/postgres/archive/reader.js'
import { assertProven, compareFacts } from '../../src/verify/proof.js'

type Facts = Pick<DumpFacts, 'tables' | 'sequences' | 'largeObjects' | 'entries'>

const table = (name: string, more: Partial<TableFacts> = {}): TableFacts => ({
  schema: 'public',
  name,
  rows: 3,
  bytes: 30,
  digest: 'd'.repeat(32),
  sha256: 'a'.repeat(64),
  offset: 100,
  ...more,
})
const sequence = (name: string, value = '7', called = true) => ({ schema: 'public', name, value, called })
const entry = (type: string, name: string, sha = 'e', owner = 'boss') => ({
  type,
  schema: 'public',
  name,
  owner,
  sha256: sha.repeat(64),
})
const NO_OBJECTS = { count: 0, bytes: 0, sha256: '0'.repeat(64) }
const facts = (more: Partial<Facts> = {}): Facts => ({
  tables: [table('items'), table('notes')],
  sequences: [sequence('ids')],
  largeObjects: NO_OBJECTS,
  entries: [entry('TABLE', 'items'), entry('ACL', 'TABLE items'), entry('ACL', 'TABLE items', 'f')],
  ...more,
})
const compare = (backup: Facts, restored: Facts, schema = true) =>
  compareFacts(backup as DumpFacts, restored as ArchiveFacts, schema)

test('equal facts prove, and are counted', () => {
  expect(compare(facts(), facts())).toEqual({
    tables: 2,
    rows: 6,
    bytes: 60,
    reordered: 0,
    schemaCompared: true,
    differences: [],
  })
})

test('neither the order of anything nor the place in the stream matters', () => {
  const { tables, sequences, entries, largeObjects } = facts({ sequences: [sequence('a'), sequence('b')] })
  const turned = {
    tables: tables.map(one => ({ ...one, offset: one.offset + 1 })).reverse(),
    sequences: sequences.toReversed(),
    entries: entries.toReversed(),
    largeObjects,
  }
  expect(compare({ tables, sequences, entries, largeObjects }, turned).differences).toEqual([])
})

describe('one difference is one line, and the only one', () => {
  const cases: [string, Partial<Facts>, object][] = [
    [
      'rows',
      { tables: [table('items', { rows: 4 }), table('notes')] },
      { what: 'table', name: 'public.items' },
    ],
    [
      'bytes',
      { tables: [table('items', { bytes: 31 }), table('notes')] },
      { what: 'table', name: 'public.items' },
    ],
    [
      'a digest',
      { tables: [table('items'), table('notes', { digest: 'c'.repeat(32) })] },
      { what: 'table', name: 'public.notes' },
    ],
    ['a table that is gone', { tables: [table('items')] }, { name: 'public.notes', restored: 'nothing' }],
    [
      'a table too many',
      { tables: [table('items'), table('notes'), table('extra')] },
      { name: 'public.extra', backup: 'nothing' },
    ],
    ['a sequence', { sequences: [sequence('ids', '8')] }, { what: 'sequence', backup: '7', restored: '8' }],
    [
      'a sequence not called',
      { sequences: [sequence('ids', '7', false)] },
      { what: 'sequence', restored: '7 (not called)' },
    ],
    [
      'large objects',
      { largeObjects: { ...NO_OBJECTS, sha256: '1'.repeat(64) } },
      { what: 'large objects', name: 'all' },
    ],
    [
      'a definition',
      { entries: [entry('TABLE', 'items', 'x'), ...facts().entries.slice(1)] },
      { what: 'schema', name: 'TABLE public.items' },
    ],
    [
      'an owner',
      { entries: [entry('TABLE', 'items', 'e', 'clerk'), ...facts().entries.slice(1)] },
      { what: 'schema', restored: expect.stringContaining('owned by clerk') },
    ],
    [
      'one of two of the same name',
      { entries: facts().entries.slice(0, 2) },
      { what: 'schema', name: 'ACL public.TABLE items' },
    ],
  ]
  test.each(cases)('%s', (_what, change, expected) => {
    expect(compare(facts(), facts(change)).differences).toEqual([expect.objectContaining(expected)])
  })
})

test('definitions are not compared across majors, data always', () => {
  const other = facts({ entries: [], tables: [table('items', { rows: 4 }), table('notes')] })
  const proof = compare(facts(), other, false)
  expect(proof).toMatchObject({ schemaCompared: false })
  expect(proof.differences.map(one => one.what)).toEqual(['table'])
})

test('reordered are tables with the same rows in another order, and no others', () => {
  const turned = { sha256: 'b'.repeat(64) }
  expect(compare(facts(), facts({ tables: [table('items', turned), table('notes')] }))).toMatchObject({
    reordered: 1,
    differences: [],
  })
  const different = facts({ tables: [table('items', { ...turned, digest: 'c'.repeat(32) })] })
  expect(compare(facts(), different)).toMatchObject({ reordered: 0 })
})

test('names with dots in them are never taken for one another', () => {
  const one = [table('c', { schema: 'a.b' }), table('b.c', { schema: 'a', rows: 5 })]
  const other = [table('c', { schema: 'a.b', rows: 4 }), table('b.c', { schema: 'a', rows: 5 })]
  expect(compare(facts({ tables: one }), facts({ tables: other })).differences).toHaveLength(1)
  const owned = (first: string, second: string) =>
    facts({
      entries: [
        { ...entry('TABLE', 'c', first), schema: 'a.b' },
        { ...entry('TABLE', 'b.c', second), schema: 'a' },
      ],
    })
  expect(compare(owned('1', '2'), owned('2', '1')).differences).toHaveLength(2)
})

test('whatever table is changed in whatever fact that counts, it is named', () => {
  const name = fc.string({ minLength: 1, maxLength: 4 })
  const tables = fc.uniqueArray(fc.tuple(name, name), {
    minLength: 1,
    maxLength: 8,
    selector: one => JSON.stringify(one),
  })
  const change = fc.constantFrom<Partial<TableFacts>>({ rows: 9 }, { bytes: 9 }, { digest: '9'.repeat(32) })
  fc.assert(
    fc.property(tables, fc.nat(), change, (names, at, changed) => {
      const before = names.map(([schema, one]) => table(one, { schema }))
      const victim = at % before.length
      const after = before.map((one, n) => (n === victim ? { ...one, ...changed } : one))
      expect(compare(facts({ tables: before }), facts({ tables: before })).differences).toEqual([])
      const { differences } = compare(facts({ tables: before }), facts({ tables: after }))
      expect(differences).toHaveLength(1)
      expect(differences[0]?.name).toContain(before[victim]?.name)
    }),
  )
})

test('what was not proven is thrown with the first five named and up to a hundred for machines', () => {
  const tables = Array.from({ length: 120 }, (_, n) => table(`t${n}`))
  const proof = compare(facts({ tables }), facts({ tables: [] }))
  expect(() => assertProven(proof, 'copy')).toThrow(
    expect.objectContaining({
      code: 'proof-failed',
      message: expect.stringMatching(
        /^copy differs from its backup in 120 places: (table public\.t\d+: [^;]+(; )?){5}$/,
      ),
      facts: { differences: expect.objectContaining({ length: 100 }) },
    }),
  )
  expect(() => assertProven(compare(facts(), facts()), 'copy')).not.toThrow()
})
