// Arithmetic between instants and the wall clocks of time zones, by Intl's own tables.
// A "local" number is what Date.UTC gives for the wall clock's reading: milliseconds, but of no instant.

const formatters = new Map<string, Intl.DateTimeFormat>()

/** True for an IANA name that this machine knows. */
export function knownZone(zone: string): boolean {
  try {
    formatterOf(zone)
    return true
  } catch {
    return false
  }
}

/** The zone's offset from UTC at an instant, in milliseconds, east positive. */
export function offsetMs(zone: string, instant: number): number {
  const part: Record<string, number> = {}
  for (const { type, value } of formatterOf(zone).formatToParts(instant)) part[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000
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

const DAY_MS = 86_400_000

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
  return { before, after, change: before === after ? null : changeBetween(zone, from, to) }
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
  for (let at = from; at < to; at += DAY_MS) {
    const end = Math.min(at + DAY_MS, to)
    if (offsetMs(zone, at) !== offsetMs(zone, end)) found.push(changeBetween(zone, at, end))
  }
  return found
}

function changeBetween(zone: string, from: number, to: number): number {
  const old = offsetMs(zone, from)
  let low = from
  let high = to
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetMs(zone, middle) === old) low = middle
    else high = middle
  }
  return high
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
