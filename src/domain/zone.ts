// Arithmetic between instants and the wall clocks of time zones, by Intl's own tables.
// A "local" number is what Date.UTC gives for the wall clock's reading: milliseconds, but of no instant.

const DAY_MS = 86_400_000

const formatters = new Map<string, Intl.DateTimeFormat>()
/** By zone and midnight UTC: asking Intl takes microseconds, and a year of each schedule is asked for at every start. */
const midnights = new Map<string, number>()
const changeDays = new Map<string, number>()

/** True for an IANA name that this machine knows. */
export function knownZone(zone: string): boolean {
  try {
    formatterOf(zone)
    return true
  } catch {
    return false
  }
}

/** The zone's offset from UTC at an instant, in milliseconds, east positive. Right as long as it changes at most once a day. */
export function offsetMs(zone: string, instant: number): number {
  const day = Math.floor(instant / DAY_MS) * DAY_MS
  const [before, after] = [midnightOffsetMs(zone, day), midnightOffsetMs(zone, day + DAY_MS)]
  return before === after || instant < changeOn(zone, day) ? before : after
}

/** The wall clock's reading at an instant. */
export const localOf = (zone: string, instant: number): number => instant + offsetMs(zone, instant)

export type LocalTime =
  /** The usual case. */
  | { kind: 'once'; instant: number }
  /** The clock was put back: the reading comes twice. */
  | { kind: 'twice'; instants: readonly [number, number] }
  /** The clock was put forward over the reading: `resumes` is the first instant after the gap. */
  | { kind: 'never'; resumes: number }

/** The offsets a zone has around some readings, and the instant at which the one follows the other. */
export interface Offsets {
  before: number
  after: number
  /** Null when they are the same. */
  change: number | null
}

/** The offsets around readings from `local` to `local + spanMs`. Right as long as a zone changes at most once in that and two days. */
export function offsetsAround(zone: string, local: number, spanMs: number): Offsets {
  const [from, to] = [local - DAY_MS, local + spanMs + DAY_MS]
  const [before, after] = [offsetMs(zone, from), offsetMs(zone, to)]
  return { before, after, change: before === after ? null : (changes(zone, from, to)[0] ?? null) }
}

/** When a wall clock shows a reading. */
export function instantsOf({ before, after, change }: Offsets, local: number): LocalTime {
  if (change === null) return { kind: 'once', instant: local - before }
  const early = local - before < change
  const late = local - after >= change
  if (early && late) return { kind: 'twice', instants: [local - before, local - after] }
  if (!early && !late) return { kind: 'never', resumes: change }
  return { kind: 'once', instant: early ? local - before : local - after }
}

/** Every change of offset in (from, to], oldest first: the first instant under the new offset. */
export function changes(zone: string, from: number, to: number): number[] {
  const found: number[] = []
  for (let day = Math.floor(from / DAY_MS) * DAY_MS; day < to; day += DAY_MS) {
    if (midnightOffsetMs(zone, day) === midnightOffsetMs(zone, day + DAY_MS)) continue
    const change = changeOn(zone, day)
    if (change > from && change <= to) found.push(change)
  }
  return found
}

/** The first instant under the new offset, of a day (from one midnight UTC to the next, that one included) with a change. */
const changeOn = (zone: string, day: number): number =>
  remembered(changeDays, zone, day, () => {
    let [low, high] = [day, day + DAY_MS]
    const old = askedOffsetMs(zone, low)
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (askedOffsetMs(zone, middle) === old) low = middle
      else high = middle
    }
    return high
  })

const midnightOffsetMs = (zone: string, day: number): number =>
  remembered(midnights, zone, day, () => askedOffsetMs(zone, day))

function remembered(known: Map<string, number>, zone: string, day: number, ask: () => number): number {
  const key = `${zone} ${day}`
  const value = known.get(key) ?? ask()
  known.set(key, value)
  return value
}

function askedOffsetMs(zone: string, instant: number): number {
  const part: Record<string, number> = {}
  for (const { type, value } of formatterOf(zone).formatToParts(instant)) part[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000
}

function formatterOf(zone: string): Intl.DateTimeFormat {
  let found = formatters.get(zone)
  if (!found) {
    const numeric = 'numeric'
    found = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'iso8601',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    })
    formatters.set(zone, found)
  }
  return found
}
