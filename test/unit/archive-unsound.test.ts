// Every way for an archive to be unsound: each is refused, with words for what is wrong and where.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArchiveReader } from '../../src/postgres/archive/reader.js'
import { failureOf, readPieces, readWhole } from '../kit/archive-pieces.js'
import {
  int,
  SETTINGS,
  SMALL as small,
  SMALL_TABLE as table,
  type WrittenEntry,
  writeArchive,
  writeHeader,
} from '../kit/archive-writer.js'

const failureWith = (...entries: WrittenEntry[]) =>
  failureOf(writeArchive({ ...small, entries: [...SETTINGS, ...entries] }).bytes)

describe('an unsound archive', () => {
  const patched = (at: number, ...values: number[]) => {
    const { bytes } = writeArchive(small)
    bytes.set(values, at)
    return failureOf(bytes)
  }

  it.each([
    ['another magic', 0, [0x50, 0x47, 0x44, 0x4d, 0x51], 'not a PostgreSQL archive'],
    ['an older version', 6, [13], 'older'],
    ['a newer version', 6, [17], 'newer'],
    ['a newer major version', 5, [2, 0], 'newer'],
    ['odd integers', 8, [8], 'integers of 8 bytes'],
    ['odd offsets', 9, [0], 'file offsets of 0 bytes'],
    ['the tar format', 10, [3], 'archive format 3'],
    ['compression', 11, [3], 'compressed'],
    ['an impossible month', 12 + 20 + 1, [12], 'date fields'],
    ['a wild sign byte', 12, [2], 'sign byte 2'],
    ['a huge string', 12 + 35, [0, 0xff, 0xff, 0xff, 0x7f], 'a string has the length 2147483647'],
    ['a negative string', 12 + 35, [1, 2, 0, 0, 0], 'a string has the length -2'],
  ])('with %s is refused', (_, at, values, message) => {
    expect(patched(at, ...values)).toMatchObject({
      code: 'dump-invalid',
      message: expect.stringContaining(message),
    })
  })

  it('with compression by level, before 1.15, is refused with a hint', () => {
    const failure = failureOf(writeArchive({ ...small, minor: 14, compression: -1 }).bytes)
    expect(failure.message).toContain('compressed')
    expect(failure.hint).toContain('-Z0')
  })

  it('with a newer version hints at what to do', () => {
    expect(patched(6, 17).hint).toContain('upgrade gmah-backup')
  })

  it.each([0, -1])('with %i entries is refused', count => {
    const failure = failureOf(Buffer.concat([writeHeader(small), int(count)]))
    expect(failure.message).toContain('a table of contents of')
  })

  it('with two billion entries is refused when they do not come', () => {
    const failure = failureOf(Buffer.concat([writeHeader(small), int(0x7fffffff), int(1), int(0)]))
    expect(failure.message).toContain('inside the table of contents')
  })

  it('with rows not written by COPY is refused', () => {
    expect(failureWith({ ...table, copy: null }).message).toContain('was not dumped by COPY')
    expect(failureWith({ ...table, copy: '' }).hint).toContain('--inserts')
  })

  it('with data for something else is refused', () => {
    expect(failureWith({ ...table, type: 'TABLE' }).message).toContain('an entry of type TABLE has data')
  })

  it.each([
    ['one id twice', [int(3), int(1)], 'two entries with data have the id 3'],
    ['an id that is none', [int(0), int(1)], 'an entry has the id 0'],
    ['a wild data flag', [int(4), int(2)], 'entry 4 has the data flag 2'],
  ])('with an entry of %s is refused', (_, head, message) => {
    const { bytes, blocks } = writeArchive(small)
    bytes.set(Buffer.concat(head), bytes.indexOf(Buffer.concat([int(4), int(1), int(4)])))
    // What would have told is gone: nothing follows the first block.
    expect(failureOf(bytes.subarray(0, blocks[1])).message).toContain(message)
  })

  it('with a sequence that has no value is refused', () => {
    const failure = failureWith({ type: 'SEQUENCE SET', name: 's', definition: 'SELECT 1;' })
    expect(failure.message).toContain('sequence s has no readable value')
  })

  it.each([
    ['no terminator', ['1\n'], String.raw`without a \. line`],
    ['rows behind the terminator', ['1\n', '\\.\n\n\n', '2\n'], String.raw`data after the \. line`],
    ['a byte behind the terminator', ['1\n\\.\n\n\nx'], String.raw`data after the \. line`],
    ['a newline too many', ['1\n\\.\n\n\n\n'], String.raw`data after the \. line`],
    ['a newline too few', ['1\n\\.\n\n'], String.raw`without a \. line`],
    ['an unfinished row', ['1\n2'], String.raw`without a \. line`],
    ['an unfinished terminator', ['1\n\\.'], String.raw`without a \. line`],
    ['no chunk at all', [], String.raw`without a \. line`],
  ])('with %s is refused', (_, chunks, message) => {
    const rows = chunks.map(text => Buffer.from(text))
    const { bytes } = writeArchive({ ...small, entries: [...SETTINGS, { ...table, rows }] })
    expect(failureOf(bytes).message).toContain(message)
    expect(() => readPieces(bytes, [1])).toThrow(expect.objectContaining({ code: 'dump-invalid' }))
  })

  const { bytes, blocks } = writeArchive(small)
  const [first = 0, second = 0, last = 0] = blocks
  const append = (...parts: Uint8Array[]) => failureOf(Buffer.concat([bytes, ...parts])).message

  it('with anything behind the last block is refused', () => {
    expect(append(Buffer.from([0]))).toContain('data block of unknown type 0')
    expect(append(Buffer.from([1]))).toContain('inside the head of a data block')
    expect(append(Buffer.from([1]), int(99))).toContain('a data block for entry 99')
    expect(append(bytes.subarray(first, second))).toContain('a data block for entry 3')
  })

  it('with a block of the other kind is refused', () => {
    const swapped = Buffer.from(bytes)
    swapped[first] = 3
    expect(failureOf(swapped).message).toContain('a data block of the wrong type 3')
    expect(last).toBe(bytes.length)
  })

  it('with blocks not where the table of contents places them is refused', () => {
    const moved = writeArchive({ ...small, seekable: true })
    const [a = 0, b = 0] = moved.blocks
    const parts = [moved.bytes.subarray(0, a), moved.bytes.subarray(b), moved.bytes.subarray(a, b)]
    expect(failureOf(Buffer.concat(parts)).message).toContain(`places at byte ${b}`)
  })

  it.each([
    ['negative', int(-1)],
    ['huge', int(0x7fffffff)],
  ])('with a %s chunk is refused at once', (_, length) => {
    for (const [start, skip] of [
      [first, 6],
      [second, 11],
    ] as const) {
      const broken = Buffer.concat([bytes.subarray(0, start + skip), length])
      expect(failureOf(broken).message).toContain('a chunk has an impossible length')
    }
  })

  it('stays refused', () => {
    const reader = new ArchiveReader()
    const refused = expect.objectContaining({ message: expect.stringContaining('not a PostgreSQL archive') })
    expect(() => reader.push(Buffer.from('-- PostgreSQL database dump'))).toThrow(refused)
    expect(() => reader.push(bytes)).toThrow(refused)
    expect(() => reader.end()).toThrow(refused)
  })

  it('never throws anything else, and never hangs, whatever byte is damaged', () => {
    const damage = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }))
    fc.assert(
      fc.property(damage, fc.array(damage), (one, more) => {
        const damaged = Buffer.from(bytes)
        for (const [at, bits] of [one, ...more]) damaged[at] = (damaged[at] ?? 0) ^ bits
        try {
          readWhole(damaged)
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'dump-invalid' })
        }
      }),
      { numRuns: 500 },
    )
  })
})
