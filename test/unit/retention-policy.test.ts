// The policy as it is written: what is refused, and with which words; and whose rules stand for whom.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { rulesFor } from '../../src/domain/retention-policy.js'
import { policyOf } from '../../src/jobs/plan-subject.js'
import { parseSchedule } from '../../src/jobs/schedules.js'
import { askFuse } from '../../src/retention/fuse.js'
import { policySchedule } from '../kit/sweeping.js'

function problems(changes: Record<string, unknown>): string[] {
  const shipped = parse(readFileSync('schedules/retention.yaml', 'utf8'))
  const text = stringify({ ...shipped, ...changes })
  const now = new Date('2026-11-25T12:00:00Z')
  const source = { name: 'retention', file: 'retention.yaml', text, variables: {}, now }
  return parseSchedule(source).problems.map(({ path, message }) => `${path}: ${message}`)
}

test('the shipped one keeps 14 days, 8 weeks and 12 months, and copies before a restore or a migration for 30 days', () => {
  const { policy, timeZone } = policySchedule({})
  expect(timeZone).toBe('Europe/Paris')
  expect(policy.keep.scheduled).toMatchObject({ daily: 14, weekly: 8, monthly: 12, withinMs: 0 })
  for (const kind of ['before-restore', 'before-migration'] as const) {
    expect(policy.keep[kind]).toMatchObject({ withinMs: 30 * 86_400_000, daily: 0 })
  }
  expect(policy.departed.holdMs).toBe(90 * 86_400_000)
})

describe('refused', () => {
  test.each([
    ['no rule at all', { keep: {} }, /^keep: has no rule for scheduled backups: an empty policy is refused/],
    ['a rule that keeps nothing', { keep: { scheduled: { daily: 0 } } }, /^keep\.scheduled: keeps nothing/],
    ['an empty rule', { keep: { scheduled: {} } }, /^keep\.scheduled: keeps nothing/],
    ['a tenant’s empty rule', { tenants: { acme: { manual: {} } } }, /^tenants\.acme\.manual: keeps nothing/],
    [
      'a departed rule that keeps nothing',
      { departed: { hold: '90d', keep: {} } },
      /^departed\.keep: keeps nothing/,
    ],
    ['no hold', { departed: { hold: '0d', keep: { last: 1 } } }, /^departed\.hold: /],
    ['no minimum', { minimum: 0 }, /^minimum: /],
    ['a grace of hours', { grace: '3h' }, /^grace: /],
    ['a word for a number', { keep: { scheduled: { daily: 'many' } } }, /^keep\.scheduled\.daily: /],
    ['a key with a typing error', { keep: { scheduled: { daily: 14, weakly: 8 } } }, /weakly/],
  ] as const)('%s', (_, changes, words) => {
    expect(problems(changes)).toEqual([expect.stringMatching(words)])
  })

  test('no policy, and two of them', () => {
    const one = policySchedule({})
    expect(() => policyOf([])).toThrow(/no schedule says what is to be kept/)
    expect(() => policyOf([one, { ...one, name: 'other' }])).toThrow(/retention and other both say/)
    expect(policyOf([one]).zone).toBe('Europe/Paris')
  })
})

test('a tenant’s own rules stand instead of the common ones, kind by kind, and for nobody else', () => {
  const { policy } = policySchedule({ tenants: { acme: { scheduled: { yearly: 7 } } } })
  expect(rulesFor(policy, 'acme').scheduled).toMatchObject({ yearly: 7, daily: 0 })
  expect(rulesFor(policy, 'acme').manual).toBe(policy.keep.manual)
  expect(rulesFor(policy, 'beta').scheduled).toMatchObject({ yearly: 0, daily: 14 })
  expect(rulesFor(policy, 'constructor').scheduled).toMatchObject({ daily: 14 })
})

describe('the fuse', () => {
  const fuse = { percent: 34, backups: 30 }
  const one = (subject: string, of: number, remove: number) => ({ subject, of, remove })

  test.each([
    ['a night’s one', [one('a', 35, 1)], 0, false],
    ['two of three', [one('a', 3, 2)], 0, false],
    ['three of four, the fewest that ask', [one('a', 4, 3), one('b', 100, 0)], 3, false],
    ['just the share', [one('a', 100, 30), one('b', 100, 0)], 0, false],
    ['one more than the number', [one('a', 100, 31), one('b', 100, 0)], 31, false],
    ['more than the share', [one('a', 10, 4), one('b', 100, 1)], 4, false],
    ['more than a third of everything', [one('a', 10, 4), one('b', 10, 3), one('c', 1, 1)], 8, true],
    ['nothing', [], 0, false],
  ] as const)('%s', (_, plans, held, all) => {
    const verdict = askFuse(plans, fuse)
    expect([verdict.held, verdict.all !== null]).toEqual([held, all])
  })
})
