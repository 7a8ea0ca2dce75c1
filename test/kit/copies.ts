// Copies for plans, written as one line each: `a 2026-11-24T01:30Z manual pin proven damaged`, and verdicts as one line each.
import type { KeepRule } from '../../src/domain/retention-policy.js'
import type { Copy, Decision } from '../../src/retention/copy.js'
import type { Circumstances } from '../../src/retention/plan.js'

export const NONE: KeepRule = {
  ...{ last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, withinMs: 0 },
}
export const DAY_MS = 86_400_000

/** Fourteen days, eight weeks, twelve months: what GMAH keeps of its nights. */
export const GMAH = { ...NONE, daily: 14, weekly: 8, monthly: 12 }

export function circumstances(more: Partial<Circumstances> & { now: Date }): Circumstances {
  const keep = { scheduled: GMAH, 'before-restore': { ...NONE, withinMs: 30 * DAY_MS } }
  return { zone: 'Europe/Paris', keep, minimum: 1, departed: null, lastRunFailed: null, ...more }
}

/** One copy of one line: id, instant, then a kind (default scheduled) and flags in any order. */
export function copy(line: string): Copy {
  const [id = '', instant = '', ...words] = line.trim().split(/\s+/)
  const flags = ['pin', 'proven', 'damaged', 'unreadable', 'doubt', 'locked']
  const has = (flag: string) => words.includes(flag)
  return {
    id,
    instant: new Date(instant),
    kind: words.find(word => !flags.includes(word)) ?? 'scheduled',
    pin: has('pin') ? 'the audit' : null,
    proven: has('proven'),
    broken: has('damaged') ? 'damaged' : has('unreadable') ? 'unreadable' : null,
    doubt: has('doubt') ? 'its proof cannot be read' : null,
    locked: has('locked') ? 'until the bucket lets go' : null,
  }
}

export const copies = (lines: string): Copy[] => lines.trim().split('\n').map(copy)

/** `a keep daily newest`, newest first: what was decided, without the words for people. */
export const verdicts = (decisions: readonly Decision[]): string[] =>
  decisions.map(({ copy: { id }, verdict, reasons }) =>
    [id, verdict, ...reasons.map(reason => reason.why)].join(' '),
  )

export const kept = (decisions: readonly Decision[]): string[] =>
  decisions.filter(({ verdict }) => verdict === 'keep').map(({ copy: { id } }) => id)

/** A copy each day at 01:30 UTC, `count` days up to `last`; its id is its day. */
export function nights(count: number, last: string, words = ''): Copy[] {
  const end = Date.parse(`${last}T01:30:00Z`)
  return Array.from({ length: count }, (_, back) => {
    const instant = new Date(end - back * DAY_MS).toISOString()
    return copy(`${instant.slice(0, 10)} ${instant} ${words}`)
  })
}
