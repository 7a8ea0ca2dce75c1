// What holds whatever happens, in whatever order, with a clock that jumps: one beginning and one end an incident, and no more
// reminders than were asked for.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { reconcile } from '../../src/alert/incidents.js'
import type { Trouble } from '../../src/alert/rules/signs.js'
import { type NoticeKind, tell } from '../../src/alert/telling.js'
import type { Incident } from '../../src/domain/alerts.js'
import type { RunId } from '../../src/domain/ids.js'
import { ALERTS, alertBench, DAY_MS, HOUR_MS, MINUTE_MS } from '../kit/alerting.js'

const SCOPES = ['a', 'b', 'c'] as const
const CAUSES = ['dump-failed', 'lock-timeout'] as const

/** A moment: who has which trouble, whether the run goes on, how far the clock went (also backwards). */
const moment = fc.record({
  wrong: fc.uniqueArray(fc.record({ scope: fc.constantFrom(...SCOPES), cause: fc.constantFrom(...CAUSES) }), {
    selector: one => one.scope,
  }),
  rule: fc.constantFrom('backup-failed' as const, 'store-unreachable' as const),
  running: fc.boolean(),
  passedMs: fc.integer({ min: -HOUR_MS, max: 3 * HOUR_MS }),
})

const trouble = (
  rule: Trouble['rule'],
  { scope, cause }: { scope: string; cause: string },
  now: Date,
): Trouble => ({
  ...{ rule, scope, cause, subject: null, detail: '', hint: '', run: 'r' as RunId },
  since: now.toISOString(),
})

test('each incident has one beginning, one end after it, and nothing after its end', () => {
  fc.assert(
    fc.property(fc.array(moment, { maxLength: 40 }), moments => {
      let open: Incident[] = []
      let now = new Date('2026-11-23T12:00:00Z')
      let ids = 0
      const told = new Map<string, { kind: NoticeKind; at: number }[]>()
      for (const { wrong, rule, running, passedMs } of moments) {
        now = new Date(now.getTime() + passedMs)
        const lasting = wrong.map(one => trouble(rule, one, now))
        const { incidents } = reconcile(open, now, { lasting, happened: [] }, () => `i${ids++}`)
        const after = incidents.map(before => {
          const { incident, notice } = tell(before, {
            now,
            config: ALERTS,
            mutes: [],
            running: () => running,
          })
          if (notice)
            told.set(incident.id, [...(told.get(incident.id) ?? []), { kind: notice, at: now.getTime() }])
          return incident
        })
        open = after.filter(one => one.closedAt === null)
        // A scope is wrong in one open incident of its rule at most.
        for (const scope of SCOPES) {
          const holding = open.filter(one =>
            one.members.some(member => member.scope === scope && !member.endedAt),
          )
          expect(new Set(holding.map(one => one.rule)).size).toBe(holding.length)
        }
      }
      for (const notices of told.values()) {
        const kinds = notices.map(one => one.kind)
        expect(kinds[0]).toBe('opened')
        expect(kinds.filter(kind => kind === 'opened')).toHaveLength(1)
        expect(kinds.slice(0, -1)).not.toContain('over')
      }
    }),
    { numRuns: 150 },
  )
})

test('a store that comes and goes every minute for a day is a handful of messages', () => {
  let open: Incident[] = []
  let told = 0
  const start = Date.parse('2026-11-23T00:00:00Z')
  for (let minute = 0; minute < 24 * 60; minute++) {
    const now = new Date(start + minute * MINUTE_MS)
    const lasting = minute % 2 ? [trouble('store-unreachable', { scope: 'store', cause: 'x' }, now)] : []
    const { incidents } = reconcile(open, now, { lasting, happened: [] }, () => String(minute))
    open = incidents
      .map(before => {
        const { incident, notice } = tell(before, { now, config: ALERTS, mutes: [], running: () => false })
        told += notice ? 1 : 0
        return incident
      })
      .filter(one => one.closedAt === null)
  }
  // One beginning, and a reminder every four hours.
  expect(told).toBe(6)
})

test('what is long over is forgotten, whether there is a digest or not', async () => {
  const bench = alertBench([])
  bench.night({ acme: 'dump-failed' })
  await bench.alerting.tick()
  bench.night({}, ['acme'])
  await bench.alerting.tick()
  const closed = bench.ledger.closedIncidents(10).length
  expect(closed).toBeGreaterThan(0)
  await bench.pass(399 * DAY_MS, 399 * DAY_MS)
  expect(bench.ledger.closedIncidents(10)).toHaveLength(closed)
  await bench.pass(2 * DAY_MS, 2 * DAY_MS)
  expect(bench.ledger.closedIncidents(10)).toEqual([])
})
