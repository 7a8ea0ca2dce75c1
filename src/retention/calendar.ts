// Which hour, day, week, month or year of a zone's wall clock an instant lies in.
import type { Period } from '../domain/retention-policy.js'
import { offsetMs } from '../domain/zone.js'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

/** The names of the periods that an instant lies in, by their names in the zone. */
export type Place = Record<Period, string>

/**
 * An hour that the clock shows twice is two hours, so its name carries the offset. A week is ISO 8601's: it begins on
 * Monday and belongs to the year of its Thursday.
 */
export function placeOf(zone: string, instant: Date): Place {
  const offset = offsetMs(zone, instant.getTime())
  const local = new Date(instant.getTime() + offset)
  const text = local.toISOString()
  return {
    hourly: `${text.slice(0, 13)}${offsetText(offset)}`,
    daily: text.slice(0, 10),
    weekly: weekOf(local),
    monthly: text.slice(0, 7),
    yearly: text.slice(0, 4),
  }
}

function weekOf(local: Date): string {
  const weekday = (local.getUTCDay() + 6) % 7
  const thursday = new Date(local.getTime() + (3 - weekday) * DAY_MS)
  const year = thursday.getUTCFullYear()
  const dayOfYear = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS)
  return `${year}-W${String(Math.floor(dayOfYear / 7) + 1).padStart(2, '0')}`
}

function offsetText(offset: number): string {
  const minutes = Math.abs(offset) / MINUTE_MS
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  return `${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`
}
