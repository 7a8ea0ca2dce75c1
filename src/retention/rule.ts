// One rule held against the copies it counts: for each of them why it is kept, or why it is not.
import { formatDuration } from '../domain/quantity.js'
import { type KeepRule, PERIODS, type Period } from '../domain/retention-policy.js'
import { type Place, placeOf } from './calendar.js'
import type { Copy, KeepReason, RemoveReason } from './copy.js'

/** What a rule says of one copy: it is kept when there is any reason to. */
export interface Judgement {
  keep: KeepReason[]
  remove: RemoveReason[]
}

const ONE: Record<Period, string> = {
  hourly: 'hour',
  daily: 'day',
  weekly: 'week',
  monthly: 'month',
  yearly: 'year',
}

/**
 * Judges copies by one rule. Of each period the newest copy stands for it, and so many of the newest periods that have
 * a copy at all are kept: a month without backups uses up nothing.
 * @param newestFirst only copies that count, newest first.
 */
export function judge(
  rule: KeepRule,
  newestFirst: readonly Copy[],
  { now, zone }: { now: Date; zone: string },
): Map<string, Judgement> {
  const seen: Record<Period, Map<string, string>> = {
    ...{ hourly: new Map(), daily: new Map(), weekly: new Map(), monthly: new Map(), yearly: new Map() },
  }
  const active = PERIODS.filter(period => rule[period] > 0)
  const judgements = new Map<string, Judgement>()
  for (const [at, copy] of newestFirst.entries()) {
    const judgement: Judgement = { keep: [], remove: [] }
    judgements.set(copy.id, judgement)
    if (rule.last > 0) byNumber(judgement, at + 1, rule.last)
    if (rule.withinMs > 0) byAge(judgement, copy, rule.withinMs, now)
    if (active.length === 0) continue
    const place = placeOf(zone, copy.instant)
    for (const period of active)
      byPeriod(judgement, copy, { period, place, seen: seen[period], most: rule[period] })
  }
  return judgements
}

function byNumber(judgement: Judgement, number: number, most: number): void {
  const detail = `number ${number} of the newest ${most}`
  if (number <= most) judgement.keep.push({ why: 'last', detail })
  else judgement.remove.push({ why: 'beyond', detail: `number ${number}, and the last ${most} are kept` })
}

function byAge(judgement: Judgement, { instant }: Copy, withinMs: number, now: Date): void {
  const until = new Date(instant.getTime() + withinMs)
  const age = formatDuration(withinMs)
  if (until > now)
    judgement.keep.push({ why: 'within', detail: `younger than ${age}, until ${until.toISOString()}` })
  else judgement.remove.push({ why: 'expired', detail: `older than ${age} since ${until.toISOString()}` })
}

interface Counting {
  period: Period
  place: Place
  /** Period → id of the copy that stands for it. */
  seen: Map<string, string>
  most: number
}

function byPeriod(judgement: Judgement, copy: Copy, { period, place, seen, most }: Counting): void {
  const name = place[period]
  const other = seen.get(name)
  if (other !== undefined) {
    judgement.remove.push({ why: 'outranked', detail: `${other} is newer in the ${ONE[period]} ${name}` })
    return
  }
  seen.set(name, copy.id)
  const number = seen.size
  if (number <= most) {
    judgement.keep.push({ why: period, detail: `newest of ${name}, ${ONE[period]} ${number} of ${most}` })
  } else {
    judgement.remove.push({
      why: 'beyond',
      detail: `${name} is ${ONE[period]} ${number}, and ${most} are kept`,
    })
  }
}
