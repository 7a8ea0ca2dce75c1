// Laws of the plan, held against copies, rules and clocks that nobody thought of.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { KeepRule } from '../../src/domain/retention-policy.js'
import { type Copy, newestFirst, reasonsToGo } from '../../src/retention/copy.js'
import { type Circumstances, planRetention } from '../../src/retention/plan.js'
import { DAY_MS } from '../kit/copies.js'

const NOW = Date.parse('2026-11-25T12:00:00Z')
const ABSOLUTE = [
  'pin',
  'within',
  'doubt',
  'unreadable',
  'locked',
  'last-run-failed',
  'departed-hold',
  'no-rule',
]

const few = fc.integer({ min: 0, max: 4 })
const rule: fc.Arbitrary<KeepRule> = fc.record({
  ...{ last: few, hourly: few, daily: few, weekly: few, monthly: few, yearly: few },
  withinMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 * DAY_MS })),
})

/** Crowded, so that many meet in one day, and some in one instant. */
const instant = fc
  .oneof(
    fc.integer({ min: -800 * DAY_MS, max: 2 * DAY_MS }),
    fc.integer({ min: -20, max: 1 }).map(day => day * DAY_MS),
    fc.integer({ min: -40, max: 1 }).map(hour => hour * 3_600_000),
  )
  .map(ms => new Date(NOW + ms))

const copy = fc.record({
  id: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 6, maxLength: 6 }),
  instant,
  kind: fc.constantFrom('scheduled', 'scheduled', 'scheduled', 'manual', 'before-restore', 'odd'),
  pin: fc.option(fc.constant('why'), { freq: 1, nil: null }),
  proven: fc.boolean(),
  broken: fc.constantFrom(null, null, null, null, 'damaged' as const, 'unreadable' as const),
  doubt: fc.option(fc.constant('doubt'), { freq: 1, nil: null }),
  locked: fc.option(fc.constant('until the bucket lets go'), { freq: 4, nil: null }),
})

const copies = fc.uniqueArray(copy, { selector: one => one.id, maxLength: 40 })

const circumstances: fc.Arbitrary<Circumstances> = fc.record({
  now: fc.constant(new Date(NOW)),
  zone: fc.constantFrom('UTC', 'Europe/Paris', 'America/Havana', 'Asia/Kolkata', 'Pacific/Apia'),
  keep: fc.record({ scheduled: rule, manual: rule, 'before-restore': rule }),
  minimum: fc.integer({ min: 1, max: 4 }),
  departed: fc.option(
    fc.record({
      since: fc.integer({ min: -200, max: 0 }).map(day => new Date(NOW + day * DAY_MS)),
      holdMs: fc.constant(90 * DAY_MS),
      keep: rule,
    }),
    { freq: 2, nil: null },
  ),
  lastRunFailed: fc.option(fc.constant('it failed'), { freq: 1, nil: null }),
})

const holds = <T extends unknown[]>(law: fc.IPropertyWithHooks<T>) => fc.assert(law, { numRuns: 400 })
const keptOf = (list: readonly Copy[], at: Circumstances): Copy[] =>
  planRetention(list, at)
    .filter(({ verdict }) => verdict === 'keep')
    .map(decision => decision.copy)

const sound = (list: readonly Copy[]): Copy[] =>
  list.filter(one => one.broken === null && one.instant.getTime() <= NOW + 600_000).sort(newestFirst)

test('the newest sound one, the newest proven one and the minimum stay', () => {
  holds(
    fc.property(copies, circumstances, (list, at) => {
      const kept = new Set(keptOf(list, at))
      const [newest] = sound(list)
      const proven = sound(list).find(one => one.proven)
      for (const must of [newest, proven, ...sound(list).slice(0, at.minimum)]) {
        if (must) expect(kept).toContain(must)
      }
    }),
  )
})

test('a plan carried out leaves nothing to do', () => {
  holds(
    fc.property(copies, circumstances, (list, at) => {
      const kept = keptOf(list, at)
      expect(keptOf(kept, at)).toEqual(kept)
    }),
  )
})

test('half a plan carried out and made anew ends at the same', () => {
  holds(
    fc.property(copies, circumstances, fc.nat(), (list, at, seed) => {
      const kept = keptOf(list, at)
      const left = list.filter((one, index) => kept.includes(one) || (index * 7 + seed) % 3 === 0)
      expect(keptOf(left, at)).toEqual(kept)
    }),
  )
})

test('no order of the copies matters', () => {
  const shuffled = copies.chain(list =>
    fc.tuple(
      fc.constant(list),
      fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }),
    ),
  )
  holds(
    fc.property(shuffled, circumstances, ([list, other], at) => {
      expect(planRetention(other, at)).toEqual(planRetention(list, at))
    }),
  )
})

test('one more copy takes none away that was kept for a reason of its own, and none that is newer', () => {
  holds(
    fc.property(copies, copy, circumstances, (list, more, at) => {
      fc.pre(!list.some(one => one.id === more.id))
      const then = new Set(keptOf([...list, more], at))
      for (const decision of planRetention(list, at)) {
        if (decision.verdict === 'remove') continue
        const own = decision.reasons.some(reason => ABSOLUTE.includes(reason.why))
        if (own || newestFirst(decision.copy, more) < 0) expect(then).toContain(decision.copy)
      }
    }),
  )
})

test('a copy that cannot be trusted takes none away', () => {
  const untrusted = fc
    .tuple(copy, fc.boolean())
    .map(
      ([one, broken]): Copy =>
        broken ? { ...one, broken: 'unreadable' } : { ...one, broken: null, instant: new Date(NOW + DAY_MS) },
    )
  holds(
    fc.property(copies, untrusted, circumstances, (list, more, at) => {
      fc.pre(!list.some(one => one.id === more.id))
      const then = new Set(keptOf([...list, more], at))
      for (const one of keptOf(list, at)) expect(then).toContain(one)
    }),
  )
})

test('locks change no verdict but their own: what is to go is tried again for the same reasons', () => {
  holds(
    fc.property(copies, circumstances, (list, at) => {
      const locked = planRetention(list, at)
      const free = planRetention(
        list.map(one => ({ ...one, locked: null })),
        at,
      )
      expect(locked.map(reasonsToGo)).toEqual(free.map(reasonsToGo))
      for (const { copy: one, verdict, reasons } of locked) {
        expect(reasons.some(({ why }) => why === 'locked')).toBe(one.locked !== null)
        if (one.locked !== null) expect(verdict).toBe('keep')
      }
    }),
  )
})

test('everything has a reason, and a subject whose last run failed loses nothing', () => {
  holds(
    fc.property(copies, circumstances, (list, at) => {
      const plan = planRetention(list, at)
      expect(plan).toHaveLength(list.length)
      for (const { reasons, verdict } of plan) {
        // A rule with nothing in it has no words for what it lets go; the configuration refuses such a one.
        if (verdict === 'keep') expect(reasons.length).toBeGreaterThan(0)
        if (at.lastRunFailed !== null) expect(verdict).toBe('keep')
      }
    }),
  )
})
