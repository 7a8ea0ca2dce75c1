// What must be kept, computed the slow and obvious way: no code of the program's own, one question after the other.

export interface Past {
  id: string
  /** Milliseconds since 1970. */
  at: number
  kind: string
  pinned: boolean
  proven: boolean
}

export interface Asked {
  now: number
  zone: string
  /** kind → what is kept of it. */
  keep: Record<
    string,
    { last?: number; daily?: number; weekly?: number; monthly?: number; withinDays?: number }
  >
  minimum: number
  failed: boolean
  departed: { since: number; holdDays: number; last: number; monthly: number } | null
}

const DAY = 86_400_000

/** `2026-11-25`, as the zone's calendars show it. */
function day(at: number, zone: string): string {
  return new Date(at).toLocaleDateString('sv-SE', { timeZone: zone })
}

/** The Monday of its week. */
function week(at: number, zone: string): string {
  let monday = new Date(`${day(at, zone)}T12:00:00Z`)
  while (monday.getUTCDay() !== 1) monday = new Date(monday.getTime() - DAY)
  return monday.toISOString().slice(0, 10)
}

const month = (at: number, zone: string): string => day(at, zone).slice(0, 7)

/** Of the newest `count` periods that have a backup, the newest backup of each. */
function newestOfEach(list: Past[], count: number, period: (at: number) => string): Past[] {
  const names = [...new Set(list.map(one => period(one.at)))].sort().reverse().slice(0, count)
  return names.map(name => newest(list.filter(one => period(one.at) === name)) as Past)
}

function newest(list: Past[]): Past | undefined {
  let best: Past | undefined
  for (const one of list) {
    if (!best || one.at > best.at || (one.at === best.at && one.id > best.id)) best = one
  }
  return best
}

function newestSeveral(list: Past[], count: number): Past[] {
  const found: Past[] = []
  let left = list
  for (let more = 0; more < count && left.length > 0; more++) {
    const one = newest(left) as Past
    found.push(one)
    left = left.filter(other => other !== one)
  }
  return found
}

/** Ids of what must be kept of one tenant, sorted. */
export function mustKeep(all: Past[], asked: Asked): string[] {
  const { now, zone, departed } = asked
  const ids = (list: Past[]) => [...new Set(list.map(one => one.id))].sort()
  if (asked.failed) return ids(all)
  if (departed && now < departed.since + departed.holdDays * DAY) return ids(all)
  const kept = [...newestSeveral(all, Math.max(1, asked.minimum)), ...all.filter(one => one.pinned)]
  const proven = newest(all.filter(one => one.proven))
  if (proven) kept.push(proven)
  const rules = departed
    ? [{ list: all, rule: { last: departed.last, monthly: departed.monthly } as Asked['keep'][string] }]
    : Object.entries(asked.keep).map(([kind, rule]) => ({ list: all.filter(one => one.kind === kind), rule }))
  for (const { list, rule } of rules) {
    kept.push(...newestSeveral(list, rule.last ?? 0))
    kept.push(...newestOfEach(list, rule.daily ?? 0, at => day(at, zone)))
    kept.push(...newestOfEach(list, rule.weekly ?? 0, at => week(at, zone)))
    kept.push(...newestOfEach(list, rule.monthly ?? 0, at => month(at, zone)))
    kept.push(...list.filter(one => one.at > now - (rule.withinDays ?? 0) * DAY))
  }
  if (!departed) kept.push(...all.filter(one => asked.keep[one.kind] === undefined))
  return ids(kept)
}
