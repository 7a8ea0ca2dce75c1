// The plan of a night's drills: nobody waits for ever, the budget is kept, and what is left out is said.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type BackupId, instantOf } from '../../src/domain/ids.js'
import type { SubjectId } from '../../src/domain/subject.js'
import { assertFresh } from '../../src/jobs/drill-candidates.js'
import { type Candidate, coverageOf, type Limits, planDrills } from '../../src/verify/drill-plan.js'
import { ACME } from '../kit/repository.js'

const DAY = 86_400_000
const NOW = Date.parse('2026-11-23T03:00:00Z')

const one = (name: string, more: Partial<Candidate> = {}): Candidate => ({
  subject: `tenants/${name}` as SubjectId,
  backup: '0123456789ab' as BackupId,
  bytes: 1e9,
  triedAtMs: null,
  provenAtMs: null,
  measured: { bytes: 1e9, seconds: 60 },
  ...more,
})
const limits = (more: Partial<Limits> = {}): Limits => ({
  nowMs: NOW,
  budgetSeconds: 3600,
  concurrency: 1,
  everyMs: 7 * DAY,
  ...more,
})
const names = (list: readonly Candidate[]) => list.map(({ subject }) => subject.slice('tenants/'.length))

test('never tried goes first, then the oldest try, whatever came of it', () => {
  const { chosen } = planDrills(
    [
      one('young', { triedAtMs: NOW - DAY, provenAtMs: NOW - DAY }),
      one('failed', { triedAtMs: NOW - 2 * DAY, provenAtMs: NOW - 30 * DAY }),
      one('old', { triedAtMs: NOW - 5 * DAY, provenAtMs: NOW - 5 * DAY }),
      one('new'),
    ],
    limits(),
  )
  expect(names(chosen)).toEqual(['new', 'old', 'failed', 'young'])
  expect(chosen.map(({ overdue }) => overdue)).toEqual([true, false, true, false])
})

test('what does not fit is left out and said, and a smaller one behind it still fits', () => {
  const large = { bytes: 50e9, measured: { bytes: 50e9, seconds: 3000 } }
  const plan = planDrills([one('a', large), one('b', large), one('c')], limits())
  expect(names(plan.chosen)).toEqual(['a', 'c'])
  expect(names(plan.left)).toEqual(['b'])
  expect(plan.expectedSeconds).toBe(3060)
})

test('the first one is drilled even if it is larger than the whole budget', () => {
  const giant = { bytes: 500e9, measured: { bytes: 500e9, seconds: 30_000 } }
  expect(names(planDrills([one('giant', giant), one('later', { triedAtMs: 1 })], limits()).chosen)).toEqual([
    'giant',
  ])
})

test("a subject's own measure counts, then the fleet's, then an assumption", () => {
  const expected = (...list: Candidate[]) => planDrills(list, limits()).chosen.at(-1)?.expectedSeconds
  expect(expected(one('z', { bytes: 2e9 }))).toBe(120)
  expect(expected(one('a', { triedAtMs: 1 }), one('b', { triedAtMs: 2, measured: null }))).toBe(61)
  expect(expected(one('a', { measured: null }))).toBe(101)
})

test('what a few kilobytes took says nothing of a large one', () => {
  const tiny = one('master', { triedAtMs: 1, bytes: 5000, measured: { bytes: 5000, seconds: 2 } })
  const grown = one('grown', { triedAtMs: 2, bytes: 1e9, measured: { bytes: 5000, seconds: 2 } })
  const { chosen } = planDrills([tiny, grown, one('new', { triedAtMs: 3, measured: null })], limits())
  const seconds = chosen.map(({ expectedSeconds }) => Math.round(expectedSeconds))
  expect(seconds).toEqual([2, 102, 103])
})

test('lanes share the budget', () => {
  const list = Array.from({ length: 10 }, (_, at) => one(String(at)))
  expect(planDrills(list, limits({ budgetSeconds: 180 })).chosen).toHaveLength(3)
  expect(planDrills(list, limits({ budgetSeconds: 180, concurrency: 3 })).chosen).toHaveLength(9)
})

const candidates = fc.uniqueArray(
  fc.record({ name: fc.string({ minLength: 1, maxLength: 8 }), seconds: fc.integer({ min: 1, max: 500 }) }),
  { selector: ({ name }) => name, minLength: 1, maxLength: 60 },
)

describe('laws', () => {
  test('every candidate is chosen or left, once; the budget is kept but for the first', () => {
    fc.assert(
      fc.property(candidates, fc.integer({ min: 1, max: 4 }), (list, concurrency) => {
        const all = list.map(({ name, seconds }) => one(name, { measured: { bytes: 1e9, seconds } }))
        const plan = planDrills(all, limits({ budgetSeconds: 600, concurrency }))
        expect([...names(plan.chosen), ...names(plan.left)].sort()).toEqual(names(all).sort())
        const [first, ...rest] = plan.chosen
        expect(plan.expectedSeconds).toBeLessThanOrEqual(Math.max(600, first?.expectedSeconds ?? 0))
        const work = rest.reduce((sum, { expectedSeconds }) => sum + expectedSeconds, 0)
        expect(work).toBeLessThanOrEqual(600 * concurrency)
      }),
    )
  })

  test('with a budget that is far too small for one night, all are proven within the promised days', () => {
    fc.assert(
      fc.property(candidates, list => {
        // Each night packs more than the budget less its largest item, as long as anything is left.
        const total = list.reduce((sum, { seconds }) => sum + seconds, 0)
        const largest = Math.max(...list.map(({ seconds }) => seconds))
        const days = 7
        const budgetSeconds = total / days + largest
        let all = list.map(({ name, seconds }) => one(name, { measured: { bytes: 1e9, seconds } }))
        for (let night = 0; night < days; night++) {
          const nowMs = NOW + night * DAY
          const { chosen } = planDrills(all, limits({ nowMs, budgetSeconds }))
          const done = new Set(names(chosen))
          all = all.map(each =>
            done.has(names([each])[0] ?? '') ? { ...each, triedAtMs: nowMs, provenAtMs: nowMs } : each,
          )
        }
        const after = { nowMs: NOW + (days - 1) * DAY, everyMs: days * DAY }
        expect(coverageOf(all, after)).toMatchObject({ percent: 100, proven: list.length })
      }),
    )
  })

  test('and it stays so: no proof is ever older than the promised days, night after night', () => {
    fc.assert(
      fc.property(candidates, list => {
        const days = 7
        const total = list.reduce((sum, { seconds }) => sum + seconds, 0)
        const budgetSeconds = total / days + Math.max(...list.map(({ seconds }) => seconds))
        let all = list.map(({ name, seconds }) => one(name, { measured: { bytes: 1e9, seconds } }))
        for (let night = 0; night < 4 * days; night++) {
          const nowMs = NOW + night * DAY
          const done = new Set(names(planDrills(all, limits({ nowMs, budgetSeconds })).chosen))
          all = all.map(each =>
            done.has(names([each])[0] ?? '') ? { ...each, triedAtMs: nowMs, provenAtMs: nowMs } : each,
          )
          if (night >= days) expect(coverageOf(all, { nowMs, everyMs: days * DAY }).percent).toBe(100)
        }
      }),
      { numRuns: 50 },
    )
  })
})

test('coverage is rounded down, and an empty platform is covered', () => {
  const proven = (days: number) => ({ provenAtMs: NOW - days * DAY })
  const many = [...Array(199).fill(proven(1)), proven(8)]
  expect(coverageOf(many, limits())).toEqual({ subjects: 200, proven: 199, percent: 99, oldestDays: 8 })
  expect(coverageOf([proven(1), { provenAtMs: null }], limits())).toMatchObject({
    percent: 50,
    oldestDays: null,
  })
  expect(coverageOf([], limits())).toMatchObject({ percent: 100 })
})

test.each([
  ['on the server', new Set([ACME]), true],
  ['gone from it', new Set<SubjectId>(), false],
  ['unknown, for the server is away', null, true],
])('a backup that is too old is refused of a subject that is %s: %j', (_, living, refused) => {
  const now = new Date('2026-11-25T12:00:00Z')
  const entry = (hours: number) => ({
    id: 'aaaaaaaaaaaa' as BackupId,
    subject: ACME,
    instant: instantOf(new Date(now.getTime() - hours * 3_600_000)),
  })
  const check = (hours: number) => () => assertFresh(entry(hours), { windowMs: 26 * 3_600_000, now, living })
  expect(check(26)).not.toThrow()
  if (refused) expect(check(27)).toThrow(expect.objectContaining({ code: 'backup-stale' }))
  else expect(check(27)).not.toThrow()
})
