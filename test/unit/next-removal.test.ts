// When the next copy will go, against a search day by day.
import { expect, test } from 'vitest'
import { nextRemoval } from '../../src/retention/next-removal.js'
import type { Circumstances } from '../../src/retention/plan.js'
import { circumstances, copies, DAY_MS, GMAH, NONE, nights } from '../kit/copies.js'

const NOW = new Date('2026-11-25T12:00Z')
const day = (list: Parameters<typeof nextRemoval>[0], more: Partial<Circumstances> = {}): string | null =>
  nextRemoval(list, circumstances({ now: NOW, ...more }))
    ?.toISOString()
    .slice(0, 10) ?? null

test('a full set loses one the next night', () => {
  expect(day(nights(400, '2026-11-25'))).toBe('2026-11-26')
})

test.each([
  ['three of fourteen days: when eleven more have come', GMAH, nights(3, '2026-11-25'), '2026-12-07'],
  ['by age', { ...NONE, withinMs: 30 * DAY_MS }, nights(3, '2026-11-25'), '2026-12-23'],
  ['the last ten', { ...NONE, last: 10 }, nights(4, '2026-11-25'), '2026-12-02'],
  ['nothing within sight', { ...NONE, daily: 5000 }, nights(3, '2026-11-25'), null],
] as const)('%s', (_, rule, list, expected) => {
  expect(day([...list], { keep: { scheduled: rule } })).toBe(expected)
})

test('a last run that failed holds everything today, and is taken for mended by then', () => {
  expect(day(nights(400, '2026-11-25'), { lastRunFailed: 'its run failed' })).toBe('2026-11-26')
})

test('of a departed tenant when the hold is over', () => {
  const departed = { since: new Date('2026-11-01T00:00Z'), holdMs: 90 * DAY_MS, keep: { ...NONE, last: 1 } }
  expect(day(nights(3, '2026-10-31'), { departed })).toBe('2027-01-31')
})

test('pinned ones, and the only one, do not go', () => {
  const keep = { scheduled: { ...NONE, last: 1 }, 'before-restore': { ...NONE, withinMs: DAY_MS } }
  expect(day(copies('a 2026-11-25T01:00Z before-restore'), { keep })).toBeNull()
  expect(day(copies('a 2026-11-01T01:00Z pin'), { keep })).toBeNull()
})
