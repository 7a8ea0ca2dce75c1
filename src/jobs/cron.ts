// When a cron expression comes due: pure arithmetic, so that a missed run is a question to the journal, not to a timer.
// A fixed time that the clock skips in spring is due when the clock goes on; one that comes twice in autumn is due the first time.
import { validateDetailed } from 'node-cron'
import { Failure } from '../domain/errors.js'
import { instantsOf, localOf, offsetsAround } from '../domain/zone.js'

export interface Cron {
  text: string
  /** Ascending. */
  minutes: readonly number[]
  hours: readonly number[]
  daysOfMonth: ReadonlySet<number>
  months: ReadonlySet<number>
  /** 0 is Sunday. */
  daysOfWeek: ReadonlySet<number>
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** The 29th of February stays away for eight years at most (1896 to 1904). */
const SEARCH_DAYS = 8 * 366 + 2

/**
 * Reads a five-field expression: names, ranges, steps and lists, as node-cron reads them.
 * @throws Failure config-invalid for anything else, and where day of month and day of week are both restricted (crons disagree on what that means).
 */
export function parseCron(text: string): Cron {
  if (text.trim().split(/\s+/).length !== 5)
    throw invalid(text, 'it needs five fields: minute, hour, day of month, month, day of week')
  const { fields, errors } = validateDetailed(text.trim())
  if (!fields) throw invalid(text, errors.map(one => one.message).join('; '))
  const daysOfMonth = numbers(text, fields.dayOfMonth)
  const daysOfWeek = numbers(text, fields.dayOfWeek)
  if (daysOfMonth.length < 31 && daysOfWeek.length < 7) {
    throw invalid(text, 'restrict the day of month or the day of week, not both')
  }
  return {
    text,
    minutes: numbers(text, fields.minute),
    hours: numbers(text, fields.hour),
    daysOfMonth: new Set(daysOfMonth),
    months: new Set(fields.month),
    daysOfWeek: new Set(daysOfWeek),
  }
}

/** The latest instant at or before `before` at which the expression was due; null when there is none in eight years. */
export function lastDue(cron: Cron, zone: string, before: Date): Date | null {
  const at = before.getTime()
  const day = dayOf(localOf(zone, at)) + DAY_MS
  for (let back = 0; back <= SEARCH_DAYS; back++) {
    const due = duesOf(cron, zone, day - back * DAY_MS).findLast(one => one <= at)
    if (due !== undefined) return new Date(due)
  }
  return null
}

/** The first instant after `after` at which the expression is due; null when there is none in eight years. */
export function nextDue(cron: Cron, zone: string, after: Date): Date | null {
  const at = after.getTime()
  const day = dayOf(localOf(zone, at)) - DAY_MS
  for (let ahead = 0; ahead <= SEARCH_DAYS; ahead++) {
    const due = duesOf(cron, zone, day + ahead * DAY_MS).find(one => one > at)
    if (due !== undefined) return new Date(due)
  }
  return null
}

/** True when the expression runs around the clock, so that nothing need be moved out of a skipped hour. */
export const everyHour = (cron: Cron): boolean => cron.hours.length === 24

/** True when a wall clock reading (zone.ts) is one of the expression's. */
export function matches(cron: Cron, local: number): boolean {
  const date = new Date(local)
  return (
    cron.minutes.includes(date.getUTCMinutes()) &&
    cron.hours.includes(date.getUTCHours()) &&
    dayMatches(cron, local)
  )
}

function duesOf(cron: Cron, zone: string, day: number): number[] {
  if (!dayMatches(cron, day)) return []
  const offsets = offsetsAround(zone, day, DAY_MS)
  return cron.hours
    .flatMap(hour =>
      cron.minutes.flatMap(minute => {
        const at = instantsOf(offsets, day + (hour * 60 + minute) * MINUTE_MS)
        if (at.kind === 'once') return [at.instant]
        if (at.kind === 'twice') return everyHour(cron) ? [...at.instants] : [at.instants[0]]
        return everyHour(cron) ? [] : [at.resumes]
      }),
    )
    .sort((a, b) => a - b)
}

function dayMatches(cron: Cron, local: number): boolean {
  const date = new Date(local)
  return (
    cron.months.has(date.getUTCMonth() + 1) &&
    cron.daysOfMonth.has(date.getUTCDate()) &&
    cron.daysOfWeek.has(date.getUTCDay())
  )
}

const dayOf = (local: number): number => Math.floor(local / DAY_MS) * DAY_MS

function numbers(text: string, field: readonly (number | string)[]): number[] {
  return [...new Set(field)]
    .map(value => {
      if (typeof value === 'number') return value
      throw invalid(text, `${value} is not supported: use plain numbers, ranges, steps and lists`)
    })
    .sort((a, b) => a - b)
}

const invalid = (text: string, why: string): Failure =>
  new Failure('config-invalid', `not a cron expression: "${text}": ${why}`, {
    hint: 'write it like "30 1 * * *": minute 30 of hour 1, every day',
  })
