// The archive reader on sound archives of the test's own making, in any pieces, and cut short anywhere.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArchiveReader } from '../../src/postgres/archive/reader.js'
import { objectFacts, rowFacts } from '../kit/archive-oracle.js'
import { failureOf, readPieces, readWhole } from '../kit/archive-pieces.js'
import {
  chunk,
  copied,
  SETTINGS,
  SMALL as small,
  SMALL_TABLE as table,
  tableData,
  type WrittenEntry,
  writeArchive,
} from '../kit/archive-writer.js'

const lines = fc.array(fc.stringMatching(/^[a-z\t]{0,40}$/))
const anyTable = fc.record({ name: fc.string({ minLength: 1 }), lines }).map(({ name, lines }) => ({
  entry: tableData(
    name,
    lines.map(line => Buffer.from(`${line}\n`)),
  ),
  facts: { schema: 'public', name, ...rowFacts(Buffer.from(lines.map(line => `${line}\n`).join(''))) },
}))
const anyObjects = fc.uniqueArray(
  fc.tuple(fc.integer({ min: 1, max: 0xffffffff }), fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }))),
  { selector: ([oid]) => oid, maxLength: 5 },
)
const anyArchive = fc.record({
  minor: fc.constantFrom(14 as const, 15 as const, 16 as const),
  seekable: fc.boolean(),
  tables: fc.array(anyTable, { maxLength: 4 }),
  blobs: fc.array(anyObjects, { maxLength: 3 }),
  sizes: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }),
})

describe('a sound archive', () => {
  it('gives the same facts in any pieces', () => {
    fc.assert(
      fc.property(anyArchive, ({ minor, seekable, tables, blobs, sizes }) => {
        const entries: WrittenEntry[] = [...SETTINGS, ...tables.map(one => one.entry)]
        for (const [n, some] of blobs.entries())
          entries.push({ type: 'BLOBS', name: `BLOBS ${n}`, objects: some })
        const { bytes, blocks } = writeArchive({ minor, seekable, entries })
        const facts = readPieces(bytes, sizes)
        expect(facts.tables).toEqual(tables.map((one, n) => ({ ...one.facts, offset: blocks[n] })))
        const contents = blobs.flat().map(([oid, parts]): [number, Buffer] => [oid, Buffer.concat(parts)])
        expect(facts.largeObjects).toEqual(objectFacts(contents))
        expect(facts.bytes).toBe(bytes.length)
        expect(facts.header.archiveVersion).toBe(`1.${minor}`)
      }),
      { numRuns: 200 },
    )
  })

  it('tells its header', () => {
    expect(readWhole(writeArchive({ ...small, database: 'é"1' }).bytes).header).toEqual({
      archiveVersion: '1.15',
      serverVersion: '15.20',
      dumpVersion: '17.6',
      database: 'é"1',
      createdAt: '2026-11-23T02:30:59',
    })
  })

  it('has the same large objects whatever their blocks and order', () => {
    const of = (...blocks: [number, Uint8Array[]][][]) => {
      const entries = blocks.map((some, n): WrittenEntry => ({ type: 'BLOBS', name: `${n}`, objects: some }))
      return readWhole(writeArchive({ minor: 16, entries }).bytes).largeObjects
    }
    const [one, two] = [Buffer.from('one'), Buffer.from('two')]
    expect(of([[9, [one]]], [[3_000_000_000, [two]]])).toEqual(
      of([
        [3_000_000_000, [two.subarray(0, 1), two.subarray(1)]],
        [9, [one]],
      ]),
    )
    expect(of([[9, [one]]])).not.toEqual(of([[8, [one]]]))
  })

  it('digests what an entry is, not where it stands', () => {
    const digest = (entry: Partial<WrittenEntry>, before: WrittenEntry[] = []) => {
      const whole = {
        type: 'TABLE',
        name: 't',
        schema: 'public',
        owner: 'app',
        definition: 'CREATE',
        ...entry,
      }
      return readWhole(
        writeArchive({ minor: 16, entries: [...SETTINGS, ...before, whole] }).bytes,
      ).entries.at(-1)?.sha256
    }
    const plain = digest({})
    expect(digest({ dependencies: [1, 2] }, [table])).toBe(plain)
    const others = [
      digest({ definition: 'CREATE ' }),
      digest({ definition: null }),
      digest({ definition: '', copy: 'CREATE' }),
      digest({ copy: '' }),
      digest({ tablespace: '' }),
      digest({ accessMethod: '' }),
      digest({ relkind: 'p' }),
    ]
    expect(new Set([plain, ...others]).size).toBe(8)
  })

  it('leaves the database itself and the values of sequences out of the entries', () => {
    const setval = "SELECT pg_catalog.setval('public.s', -5, false);\n"
    const { entries, sequences } = readWhole(
      writeArchive({
        minor: 14,
        entries: [
          ...SETTINGS,
          { type: 'DATABASE', name: 'tenant' },
          { type: 'DATABASE PROPERTIES', name: 'tenant' },
          { type: 'COMMENT', name: 'DATABASE tenant' },
          { type: 'ACL', name: 'DATABASE tenant' },
          { type: 'SECURITY LABEL', name: 'DATABASE tenant' },
          { type: 'COMMENT', name: 'TABLE "DATABASE tenant"' },
          { type: 'SEQUENCE SET', name: 's', schema: 'public', definition: setval },
        ],
      }).bytes,
    )
    expect(entries.map(entry => entry.name)).toEqual(['TABLE "DATABASE tenant"'])
    expect(sequences).toEqual([{ schema: 'public', name: 's', value: '-5', called: false }])
  })
})

describe('an archive cut short', () => {
  it.each([14, 15, 16] as const)('is refused wherever that is (1.%i)', minor => {
    const { bytes, blocks } = writeArchive({ ...small, minor })
    const reader = new ArchiveReader()
    for (let at = 0; at < bytes.length; at++) {
      expect(() => reader.end()).toThrow(expect.objectContaining({ code: 'dump-invalid' }))
      reader.push(bytes.subarray(at, at + 1))
    }
    expect(reader.end().bytes).toBe(blocks.at(-1))
  })

  it.each([
    [0, 'the dump stream is empty'],
    [9, 'inside the header'],
    [200, 'inside the table of contents'],
  ])('after %i bytes says so', (length, message) => {
    expect(failureOf(writeArchive(small).bytes.subarray(0, length)).message).toContain(message)
  })

  it('between blocks names the data that is missing', () => {
    const { bytes, blocks } = writeArchive(small)
    expect(failureOf(bytes.subarray(0, blocks[0])).message).toContain('without the data of table public.t')
    expect(failureOf(bytes.subarray(0, blocks[1])).message).toContain('without the data of large objects')
    expect(failureOf(bytes.subarray(0, (blocks[0] ?? 0) + 20)).message).toContain(
      'inside the data of table public.t',
    )
  })
})

describe('the writer', () => {
  it('ends a table as pg_dump does', () => {
    expect(Buffer.concat(copied([]).map(chunk)).toString('latin1')).toBe('\0\x05\0\0\0\\.\n\n\n')
  })
})
