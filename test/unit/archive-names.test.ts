// What archives and their members are called: laws over any key that S3 takes, and the months of a zone's own calendar.
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { freeName, monthOf, parseArchiveName } from '../../src/domain/archive-name.js'
import { FolderClashes, memberNamer, parseSumLine, sumLine } from '../../src/domain/archive-names.js'

describe('the month', () => {
  test.each([
    ['2026-12-01T00:00:00+01:00', '2026-12'],
    ['2026-11-30T23:59:59+01:00', '2026-11'],
    ['2026-12-31T23:30:00Z', '2027-01'],
    ['2028-02-29T23:30:00+01:00', '2028-02'],
    // The nights in which the clock of Paris changes: 25 hours and 23.
    ['2026-10-31T23:59:59+01:00', '2026-10'],
    ['2026-11-01T00:00:00+01:00', '2026-11'],
    ['2026-03-31T22:30:00Z', '2026-04'],
    ['2026-03-29T01:30:00Z', '2026-03'],
  ])('of %s in Paris is %s', (instant, month) => {
    expect(monthOf(new Date(instant), 'Europe/Paris')).toBe(month)
  })

  it('is not that of another zone', () => {
    const instant = new Date('2026-12-01T04:30:00+13:00')
    expect([monthOf(instant, 'Pacific/Auckland'), monthOf(instant, 'UTC')]).toEqual(['2026-12', '2026-11'])
  })
})

describe('names of archives', () => {
  it('the first free one is taken, and read back', () => {
    const taken = new Set<string>()
    for (const name of ['2026-12', '2026-12-2', '2026-12-3']) {
      expect(freeName('2026-12', taken)).toBe(name)
      expect(parseArchiveName(name)).toBe(name)
      taken.add(name)
    }
  })

  test.each(['2026-13', '2026-00', '2026-12-1', '2026-12-01', '26-12', '2026-12/..', '2026-12-2 ', ''])(
    '%j is none',
    name => {
      expect(() => parseArchiveName(name)).toThrow(expect.objectContaining({ code: 'usage' }))
    },
  )
})

/** Parts that are often trouble, among any others. */
const segment = fc.oneof(
  fc.constantFrom(
    '',
    '.',
    '..',
    'a',
    'b',
    'other-names',
    '000001',
    'line\nbreak',
    'bell\u0007',
    'x'.repeat(256),
    '\\',
  ),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
)
const path = fc
  .array(segment, { minLength: 1, maxLength: 5 })
  .map(parts => parts.join('/'))
  .filter(one => one !== '')

/** Of paths as a store lists them. */
function memberNames(files: { path: string; bytes: number }[]): Map<string, string> {
  const listed = files.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
  const clashes = new FolderClashes()
  for (const { path } of listed) clashes.see(path)
  const nameOf = memberNamer(clashes)
  return new Map(listed.map(file => [file.path, nameOf(file)]))
}

describe('names of members', () => {
  it('no two files have one, none leads out, and all can be folders and files together', () => {
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 30 }), paths => {
        const names = memberNames(paths.map(one => ({ path: one, bytes: 1 })))
        const all = [...names.values()]
        expect(new Set(all).size).toBe(paths.length)
        for (const name of all) {
          const parts = name.split('/')
          expect(parts.some(one => ['', '.', '..'].includes(one) || Buffer.byteLength(one) > 255)).toBe(false)
          expect(name.startsWith('/')).toBe(false)
          for (let end = 1; end < parts.length; end++)
            expect(all).not.toContain(parts.slice(0, end).join('/'))
        }
      }),
    )
  })

  it('a usual path is its own name', () => {
    const paths = ['documents/a b.pdf', 'documents/Größe/日本.txt', 'uploads/-rf', 'documents/folder/']
    const names = memberNames(paths.map(one => ({ path: one, bytes: one.endsWith('/') ? 0 : 1 })))
    expect([...names].toSorted()).toEqual(paths.map(one => [one, one]).toSorted())
  })
})

const anyText = fc.string({ unit: 'binary', minLength: 1 })
const oddText = fc.string({ unit: fc.constantFrom(...'ab \\\n\r\u2028é😀'), minLength: 1 })

describe('sums', () => {
  it('lines are read back whatever the name', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, oddText), name => {
        fc.pre(!name.includes('\0'))
        const sha256 = 'ab'.repeat(32)
        expect(parseSumLine(sumLine(name, sha256).slice(0, -1))).toEqual({ name, sha256 })
      }),
    )
  })

  it("are sha256sum's own", () => {
    const names = ['plain', 'with space', 'back\\slash', 'line\nbreak']
    const script = 'cd "$(mktemp -d)"; for name; do printf x >"$name"; done; sha256sum -- "$@"'
    const theirs = execFileSync('bash', ['-c', script, 'bash', ...names], { encoding: 'utf8' })
    const sha256 = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'
    expect(names.map(name => sumLine(name, sha256)).join('')).toBe(theirs)
  })
})
