// Golden cases of the plan: each says all copies, and for each of them the verdict with every reason.
import { describe, expect, test } from 'vitest'
import { placeOf } from '../../src/retention/calendar.js'
import { planRetention } from '../../src/retention/plan.js'
import { circumstances, copies, DAY_MS, GMAH, kept, NONE, nights, verdicts } from '../kit/copies.js'
import { GOLDEN_PLANS, type Golden } from '../kit/golden-plans.js'

const lines = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map(line => line.trim())

function run(golden: Golden): string[] {
  const { rule = { daily: 2 }, now = '2026-11-25T12:00Z', zone = 'Europe/Paris', minimum = 1 } = golden
  const { departed, lastRunFailed = null } = golden
  const keep = {
    ...{ scheduled: { ...NONE, ...rule }, manual: { ...NONE, last: 1 } },
    'before-restore': { ...NONE, withinMs: 30 * DAY_MS },
  }
  const gone = departed && {
    since: new Date(departed.since),
    holdMs: (departed.holdDays ?? 90) * DAY_MS,
    keep: { ...NONE, ...(departed.keep ?? { last: 1 }) },
  }
  const at = { now: new Date(now), zone, minimum, keep, departed: gone ?? null, lastRunFailed }
  return verdicts(planRetention(copies(golden.copies), circumstances(at)))
}

test.each(GOLDEN_PLANS)('$name', golden => {
  expect(run(golden)).toEqual(lines(golden.plan))
})

test('every reason says what it is about', () => {
  const all = copies(`a 2026-10-24T01:00Z
                      b 2026-11-24T01:00Z
                      c 2026-11-24T02:00Z before-restore pin
                      d 2026-11-25T01:00Z`)
  const keep = { scheduled: { ...NONE, daily: 2 }, 'before-restore': { ...NONE, withinMs: DAY_MS } }
  const plan = planRetention(all, circumstances({ now: new Date('2026-11-25T12:00Z'), keep }))
  expect(plan.map(({ reasons }) => reasons.map(reason => reason.detail))).toEqual([
    ['newest of 2026-11-25, day 1 of 2', 'the newest one is never removed', 'one of at least 1: number 1'],
    ['the audit'],
    ['newest of 2026-11-24, day 2 of 2'],
    ['2026-10-24 is day 3, and 2 are kept'],
  ])
})

describe('a year of nights under 14 daily, 8 weekly, 12 monthly', () => {
  const year = nights(400, '2026-11-25')

  test('keeps 14 days, the ends of 8 weeks and of 12 months', () => {
    const plan = planRetention(year, circumstances({ now: new Date('2026-11-25T12:00Z') }))
    expect(kept(plan)).toEqual([
      ...nights(14, '2026-11-25').map(one => one.id),
      ...['2026-11-08', '2026-11-01', '2026-10-31', '2026-10-25', '2026-10-18', '2026-10-11', '2026-09-30'],
      ...['2026-08-31', '2026-07-31', '2026-06-30', '2026-05-31', '2026-04-30', '2026-03-31', '2026-02-28'],
      ...['2026-01-31', '2025-12-31'],
    ])
  })

  test('swept every night it keeps the same as swept once', () => {
    let held = year.slice(200)
    for (const one of year.slice(0, 200).reverse()) {
      const now = new Date(one.instant.getTime() + 3_600_000)
      held = planRetention([one, ...held], circumstances({ now }))
        .filter(({ verdict }) => verdict === 'keep')
        .map(decision => decision.copy)
    }
    const once = planRetention(year, circumstances({ now: new Date('2026-11-25T02:30Z') }))
    expect(held.map(one => one.id)).toEqual(kept(once))
    expect(GMAH.daily).toBe(14)
  })
})

test.each([
  ['2026-12-31T12:00Z', '2026-W53'],
  ['2027-01-03T12:00Z', '2026-W53'],
  ['2027-01-04T12:00Z', '2027-W01'],
  ['2025-12-29T12:00Z', '2026-W01'],
  ['2024-12-29T12:00Z', '2024-W52'],
  ['2028-02-29T12:00Z', '2028-W09'],
])('%s lies in week %s', (instant, week) => {
  expect(placeOf('UTC', new Date(instant)).weekly).toBe(week)
})
