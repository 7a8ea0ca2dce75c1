// What a monthly archive is called: its month, and which of that month's it is.
import { Failure } from './errors.js'
import { localOf } from './zone.js'

declare const brand: unique symbol
/** `2026-12`, or `2026-12-2` for the second one of that month. */
export type ArchiveName = string & { readonly [brand]: 'ArchiveName' }

/** @throws Failure usage */
export function parseArchiveName(text: string): ArchiveName {
  if (/^\d{4}-(0[1-9]|1[0-2])(-([2-9]|[1-9]\d+))?$/.test(text)) return text as ArchiveName
  throw new Failure('usage', `not an archive's name: ${text}`, {
    hint: 'write a month like 2026-12, or 2026-12-2 for its second archive; `gmah-backup archive list` shows them',
  })
}

/** @throws Failure usage unless it is a month like 2026-12. */
export function parseMonth(text: string): string {
  if (/^\d{4}-(0[1-9]|1[0-2])$/.test(text)) return text
  throw new Failure('usage', `not a month: ${text}`, { hint: 'write it like 2026-12' })
}

/** The month in which an instant lies on the wall clock of a zone. */
export const monthOf = (instant: Date, zone: string): string =>
  new Date(localOf(zone, instant.getTime())).toISOString().slice(0, 7)

/** A month that was missed longer ago is not made up for. */
export const ARCHIVE_MONTHS_BACK = 12

/** So many months before this one, the nearest first. */
export function monthsBefore(month: string, count: number): string[] {
  const [year = 0, ordinal = 0] = month.split('-').map(Number)
  return Array.from({ length: count }, (_, back) =>
    new Date(Date.UTC(year, ordinal - 2 - back, 1)).toISOString().slice(0, 7),
  )
}

/** The youngest month first, and of one month the last made. */
export function byName(a: ArchiveName, b: ArchiveName): number {
  const [monthA, monthB] = [a.slice(0, 7), b.slice(0, 7)]
  const ordinal = (name: ArchiveName) => Number(name.slice(8) || 1)
  return monthA === monthB ? ordinal(b) - ordinal(a) : monthA < monthB ? 1 : -1
}

/** The first name of the month that is not taken. */
export function freeName(month: string, taken: ReadonlySet<string>): ArchiveName {
  let name = month
  for (let ordinal = 2; taken.has(name); ordinal++) name = `${month}-${ordinal}`
  return name as ArchiveName
}
