// What the contract suites share: the ground they stand on, ways to read a store, and names that are hard to keep.
import { expect } from 'vitest'
import { asFailure, type ErrorCode } from '../../src/domain/errors.js'
import type { Store } from '../../src/store/port.js'

/** A store that is open while the suite runs, and a new folder in it for each test. */
export interface Ground {
  readonly store: Store
  folder(): string
}

/** The code that `call` fails with; fails the test when it succeeds. */
export async function codeOf(call: Promise<unknown>): Promise<ErrorCode> {
  const failure = await call.then(
    () => null,
    thrown => asFailure(thrown),
  )
  expect(failure, 'it should have failed').not.toBeNull()
  return failure!.code
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

export const keysOf = async (items: AsyncIterable<{ key: string }>): Promise<string[]> =>
  (await all(items)).map(one => one.key)

export const bytes = (text: string): Buffer => Buffer.from(text)

/** Every name a tenant's key may meet, and some more; in no order. */
export const ODD_NAMES = [
  'plain',
  'with space',
  'plus+plus',
  '%2F',
  '%25',
  '100%',
  'a&b=c?d#e',
  'quote\'"',
  '\\back',
  'é-composed',
  'é-decomposed',
  '%C3%A9',
  '漢字',
  '～fullwidth',
  '\u{1f600}',
  '~tilde',
  'UPPER',
  'upper',
  '..dots',
  '.hidden',
  'trailing.',
  'star*',
  '<angle>',
  '%E6%BC%A2'.repeat(21),
]

/** No driver takes these, each for the reason beside it. */
export const BAD_KEYS = [
  ['nothing', ''],
  ['only a slash', '/'],
  ['a slash first', '/a'],
  ['a slash last', 'a/'],
  ['an empty segment', 'a//b'],
  ['a dot', '.'],
  ['a segment that is a dot', 'a/./b'],
  ['two dots', '..'],
  ['two dots first', '../a'],
  ['two dots midway', 'a/../b'],
  ['two dots last', 'a/..'],
  ['a line break', 'line\nbreak'],
  ['a zero byte', 'nul\0'],
  ['half a surrogate pair', 'half\ud800'],
  ['the private place', '.tmp-gmah-backup/x'],
  ['1025 bytes', `${'xyz/'.repeat(256)}x`],
  ['a segment of 256 bytes', `a/${'x'.repeat(256)}`],
] as const
