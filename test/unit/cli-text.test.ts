// What the command line prints: sizes, times, widths, tables, errors, progress, each to the letter.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cellWidth, cut, harmless, oneLine, padEnd, wrapped } from '../../src/cli/cells.js'
import {
  bytesText,
  counted,
  countText,
  failureText,
  instantText,
  secondsText,
  show,
  showFailure,
  type Terminal,
} from '../../src/cli/output.js'
import { backupLine, failedText, progressText } from '../../src/cli/progress-text.js'
import { table } from '../../src/cli/table.js'
import { asFailure, causes, Failure } from '../../src/domain/errors.js'
import type { Manifest } from '../../src/domain/manifest.js'

function recording(more: Partial<Terminal> = {}) {
  const out: string[] = []
  const err: string[] = []
  const terminal: Terminal = {
    ...{ json: false, debug: false, live: false, columns: null, ...more },
    out: text => void out.push(text),
    err: text => void err.push(text),
  }
  return { terminal, out, err }
}

describe('quantities', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [49_562_799, '49.6 MB'],
    [2e15, '2.00e+3 TB'],
  ])('%i bytes are %s', (bytes, text) => expect(bytesText(bytes)).toBe(text))

  test.each([
    [0, '0.0 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1 min 0 s'],
    [3599.6, '1 h 0 min'],
    [7500, '2 h 5 min'],
  ])('%f seconds are %s', (seconds, text) => expect(secondsText(seconds)).toBe(text))

  test('instants are marked as UTC, in both forms', () => {
    expect(instantText('20261123T013000.123Z')).toBe('2026-11-23 01:30:00Z')
    expect(instantText('2026-11-23T01:30:00.123Z')).toBe('2026-11-23 01:30:00Z')
    expect(instantText('soon')).toBe('soon')
  })

  test('one is one, the rest are many', () => {
    expect([0, 1, 2, 1234].map(count => counted(count, 'table'))).toEqual([
      ...['0 tables', '1 table', '2 tables', '1 234 tables'],
    ])
    expect([999, 1000, 1_234_567].map(countText)).toEqual(['999', '1 000', '1 234 567'])
  })
})

describe('cells', () => {
  test('are wrapped between words: nothing is lost, and no line is longer than it must be', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { maxLength: 12 }),
        fc.integer({ min: 5, max: 30 }),
        (parts, cells) => {
          const words = parts.flatMap(one => oneLine(one).split(' ')).filter(one => one !== '')
          const lines = wrapped(words.join(' '), cells, '  ')
          expect(lines.map(line => line.slice(2)).join(' ')).toBe(words.join(' '))
          for (const line of lines) {
            if (line.slice(2).includes(' ')) expect(cellWidth(line)).toBeLessThanOrEqual(cells)
          }
        },
      ),
    )
  })

  test.each([
    ['acme', 4],
    ['東京', 4],
    ['한국', 4],
    ['Łódź', 4],
    ['Łódź'.normalize('NFD'), 4],
    ['🐘', 2],
    ['👩‍👩‍👧', 2],
    ['🇪🇺', 2],
    ['ａ', 2],
    ['', 0],
  ])('%s is %i wide', (text, width) => expect(cellWidth(text)).toBe(width))

  test('cutting fits, keeps whole characters, and says that it cut', () => {
    expect(cut('acme', 4)).toBe('acme')
    expect(cut('acme corp', 6)).toBe('acme…')
    expect(cut('東京株式会社', 6)).toBe('東京…')
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, cells) => {
        expect(cellWidth(cut(text, cells))).toBeLessThanOrEqual(cells)
        expect(cellWidth(padEnd(text, 40))).toBeGreaterThanOrEqual(Math.min(40, cellWidth(text)))
      }),
    )
  })

  test('a name cannot steer the terminal, and JSON that says the same stays JSON', () => {
    expect(harmless('a\x1b[2Jb\r\x9b\u202e\nc')).toBe('a\\u001b[2Jb\\u000d\\u009b\\u202e\nc')
    expect(oneLine('a\nb')).toBe('a\\nb')
    const json = JSON.stringify({ name: 'x\x1b\x9b\u202e\n' })
    expect(JSON.parse(harmless(json))).toEqual(JSON.parse(json))
  })
})

describe('tables', () => {
  test('columns line up by cells; numbers go to the right; a line break stays in its cell', () => {
    const text = table(
      ['tenant', 'rows', 'id'],
      [
        ['東京', '1 234', '12ab'],
        ['a\nb', '7', '34cd'],
      ],
      { right: ['rows'] },
    )
    expect(text).toBe(['tenant   rows  id', '東京    1 234  12ab', 'a\\nb        7  34cd'].join('\n'))
  })

  test('a terminal cuts lines, a pipe never does', () => {
    const rows = [['a', 'long '.repeat(20)]]
    expect(table(['x', 'y'], rows, { columns: 12 }).split('\n')[1]).toBe('a  long lon…')
    expect(table(['x', 'y'], rows).split('\n')[1]).toHaveLength(102)
  })

  test('on a narrow terminal what can be spared goes first, in its order, and the cut comes last', () => {
    const rows = [['acme', 'gmah_org_acme', '101 287', 'yes']]
    const at = (columns: number | null) =>
      table(['tenant', 'database', 'rows', 'ok'], rows, {
        right: ['rows'],
        spare: ['database', 'rows'],
        columns,
      })
    expect(at(null)).toBe(at(35))
    expect(at(35).split('\n')[1]).toBe('acme    gmah_org_acme  101 287  yes')
    expect(at(34).split('\n')).toEqual(['tenant     rows  ok', 'acme    101 287  yes'])
    expect(at(19).split('\n')).toEqual(['tenant  ok', 'acme    yes'])
    expect(at(9).split('\n')).toEqual(['tenant…', 'acme…'])
  })
})

describe('errors', () => {
  const cause = new Failure('store-busy', 'the store says 503', { cause: new Error('SlowDown') })
  const failure = new Failure('dump-failed', 'pg_dump ended with exit code 1', {
    cause,
    facts: { run: 'abc' },
  })

  test('for a person: what, why, what to do, which run; nothing on stdout', () => {
    const { terminal, out, err } = recording()
    expect(showFailure(terminal, failure)).toBe(7)
    expect(out).toEqual([])
    expect(err.join('\n')).toBe(
      [
        'error: pg_dump ended with exit code 1 [dump-failed]',
        '  because: store-busy: the store says 503',
        '  because: SlowDown',
        `  hint: ${failure.hint}`,
        '  run: abc, see `gmah-backup runs abc`',
      ].join('\n'),
    )
  })

  test('for a machine: one document on stdout with the status', () => {
    const { terminal, out, err } = recording({ json: true })
    expect(showFailure(terminal, failure)).toBe(7)
    expect(err).toEqual([])
    expect(JSON.parse(out.join(''))).toEqual({
      error: {
        ...{ code: 'dump-failed', exit: 7, message: 'pg_dump ended with exit code 1', hint: failure.hint },
        causes: ['store-busy: the store says 503', 'SlowDown'],
        facts: { run: 'abc' },
      },
    })
  })

  test('what nobody foresaw says its name and asks for --debug, which prints the stacks without secrets', () => {
    const thrown = new TypeError('x is not a function', { cause: new Error('password=hunter2') })
    const plain = recording()
    expect(showFailure(plain.terminal, thrown)).toBe(1)
    expect(plain.err[0]).toMatch(
      /^error: TypeError: x is not a function \[unexpected\]\n {2}because: password/,
    )
    expect(plain.err[0]).toContain('--debug')
    expect(plain.err.join()).not.toContain('    at ')
    const debug = recording({ debug: true })
    showFailure(debug.terminal, thrown)
    expect(debug.err[1]).toMatch(
      /TypeError: x is not a function\n {4}at .*[\s\S]*caused by: Error: password=\[redacted\]/,
    )
  })

  test('a long cause keeps its end, indented', () => {
    const said = Array.from({ length: 40 }, (_, at) => `line ${at + 1}`).join('\n')
    const long = new Failure('dump-failed', 'it failed', { cause: new Error(said) })
    const lines = failureText(long).split('\n')
    expect(lines[1]).toBe('  because: (29 lines before; --debug shows all)')
    expect(lines.slice(2, -1)).toHaveLength(11)
    expect(lines.at(-2)).toBe('    line 40')
    expect(failureText(long, true).split('\n')).toHaveLength(42)
  })

  test.each([
    [{ code: 'EACCES', path: '/x' }, 'file-denied'],
    [{ code: 'EROFS', path: '/x' }, 'file-denied'],
    [{ code: 'EACCES', port: 80 }, 'unexpected'],
    [{ code: 'ENOSPC' }, 'disk-full'],
    [{ code: 'EDQUOT', path: '/x' }, 'disk-full'],
    [{ code: 'ENOENT', path: '/x' }, 'unexpected'],
  ])('%j is %s', (facts, code) => {
    expect(asFailure(Object.assign(new Error('no'), facts)).code).toBe(code)
  })

  test('a cause that only repeats is left out; one without words says those of its parts', () => {
    expect(causes(asFailure(new Error('boom')))).toEqual(['unexpected: boom'])
    const both = new AggregateError([new Error('refused by ::1'), new Error('refused by 127.0.0.1')])
    expect(asFailure(both).message).toBe('refused by ::1; refused by 127.0.0.1')
    expect(asFailure('text').message).toBe('text')
    expect(asFailure(undefined).message).toBe('undefined')
  })
})

describe('progress', () => {
  const manifest = (stored: Partial<Manifest['stored']>, more: Partial<Manifest> = {}) =>
    ({
      subject: 'tenants/acme',
      stream: { bytes: 49_600_000 },
      durations: { totalSeconds: 4 },
      dump: { tables: [{ rows: 1 }, { rows: 252_923 }] },
      stored: { newBytes: 0, reusedBytes: 0, ...stored },
      ...more,
    }) as unknown as Manifest

  test('a backup is a line', () => {
    expect(backupLine(manifest({ newBytes: 1_200_000, reusedBytes: 48_400_000 }))).toBe(
      'acme: 252 924 rows, 49.6 MB in 4.0 s (12.4 MB/s); 1.20 MB new, 48.4 MB reused',
    )
    expect(backupLine(manifest({ newBytes: 5 }))).toMatch(/; all new$/)
    expect(backupLine(manifest({ reusedBytes: 5 }, { dump: null }))).toBe(
      'acme: 49.6 MB in 4.0 s (12.4 MB/s); nothing new',
    )
  })

  test('what goes on is one too, and never past the end', () => {
    const dump = { phase: 'dump', bytes: 12_300_000, of: null, newBytes: 4e6, reusedBytes: 8.3e6 } as const
    expect(progressText(dump, 2)).toBe('dumping 12.3 MB, 6.15 MB/s, 4.00 MB new, 8.30 MB reused')
    expect(progressText({ phase: 'load', bytes: 11, of: 10 }, 0)).toBe('loading 11 B of 10 B (100 %)')
  })

  test('a failure brings its reason; an interruption is told by the run', () => {
    expect(failedText('a\x1bb', new Failure('lock-timeout', 'no lock'))).toMatch(
      /^a\\u001bb: no lock \[lock-timeout\]\n {2}hint: /,
    )
    expect(failedText('acme', new Failure('interrupted', 'stop'))).toBe('acme: interrupted')
  })
})

test('a result is text for people and a document for machines', () => {
  const text = recording()
  show(text.terminal, { a: 1 }, value => `a is ${value.a}`)
  const json = recording({ json: true })
  show(json.terminal, { a: 1 }, () => 'never')
  expect([text.out, JSON.parse(json.out.join(''))]).toEqual([['a is 1'], { a: 1 }])
})
