// Whose a folder is, by its name alone.
import { expect, test } from 'vitest'
import { isLeftover, ownedPrefix } from '../../src/sys/owner.js'

test('what a living process owns is no leftover', () => {
  expect(isLeftover('stem', `${ownedPrefix('stem')}abc123`)).toBe(false)
})

test.each([
  ['a process that is gone', 'stem-4194399-1-abc123', true],
  ['an earlier process with the id of a living one', `stem-${process.pid}-1-abc123`, true],
  ['a living process whose start nobody could read', `stem-${process.pid}-0-abc123`, false],
  ['another stem', 'other-4194399-1-abc123', false],
  ['a longer stem', 'stem-more-4194399-1-abc123', false],
  ['somebody else', 'stem', false],
])('%s', (_name, folder, expected) => {
  expect(isLeftover('stem', folder)).toBe(expected)
})
