// What the machine itself makes wrong: a disk that is full or will be, and a clock that is not the store's. Pure.
import type { AlertsConfig } from '../../domain/alerts.js'
import type { Memory } from '../memory.js'
import type { Trouble } from './signs.js'

export interface MachineSighting {
  /** Where the journal is. */
  disk: { path: string; freeBytes: number } | null
  /** By how much the store's clock is ahead of ours; null: it has none, or was not asked. */
  storeAheadMs: number | null
}

const DAY_MS = 86_400_000
/** A clock that is off by less does no harm; requests take seconds of their own. */
const SKEW_MS = 60_000
/** R2 refuses every request at fifteen minutes. */
const SKEW_URGENT_MS = 10 * 60_000
/** Days of history before anything is projected, and how soon is soon. */
const ENOUGH_DAYS = 4
const SOON_DAYS = 7

/** Below the floor now, or within days if it goes on as it has. */
export function fullDisk(
  { disk: history }: Memory,
  { disk }: MachineSighting,
  now: Date,
  { diskFreeBytes }: AlertsConfig,
): Trouble[] {
  if (!disk) return []
  const room = `${disk.path}: ${megabytes(disk.freeBytes)}`
  const about = { rule: 'disk-low', cause: 'disk-low', scope: disk.path, since: now } as const
  if (disk.freeBytes < diskFreeBytes) return [trouble({ ...about, detail: room })]
  const days = daysLeft(history, disk.freeBytes)
  if (days === null || days > SOON_DAYS) return []
  const end = new Date(now.getTime() + days * DAY_MS).toISOString().slice(0, 'yyyy-mm-dd'.length)
  const detail = `${room}, −${megabytes(disk.freeBytes / days)}/d → 0 MB: ${end}`
  return [{ ...trouble({ ...about, detail }), severity: 'warning' }]
}

/**
 * The usual loss of a day, which is the median: one large file that comes and goes is no trend.
 * @returns null while too little is known, or nothing is lost.
 */
function daysLeft(history: Memory['disk'], freeBytes: number): number | null {
  const days = Object.keys(history).sort()
  if (days.length < ENOUGH_DAYS) return null
  const lost = days
    .slice(1)
    .map(
      (day, at) => ((history[days[at] ?? ''] ?? 0) - (history[day] ?? 0)) / daysBetween(days[at] ?? day, day),
    )
    .sort((a, b) => a - b)
  const usual = lost[Math.floor((lost.length - 1) / 2)] ?? 0
  return usual > 0 ? freeBytes / usual : null
}

const daysBetween = (from: string, to: string): number =>
  Math.max(1, Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS))

export function skewedClock({ storeAheadMs }: MachineSighting, now: Date): Trouble[] {
  if (storeAheadMs === null || Math.abs(storeAheadMs) < SKEW_MS) return []
  const detail = `${storeAheadMs > 0 ? '−' : '+'}${Math.round(Math.abs(storeAheadMs) / 1000)} s`
  const about = { rule: 'clock-skewed', cause: 'clock-skewed', scope: 'clock', since: now, detail } as const
  const urgent = Math.abs(storeAheadMs) >= SKEW_URGENT_MS
  return [{ ...trouble(about), severity: urgent ? 'critical' : 'warning' }]
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`

const trouble = ({
  since,
  ...about
}: Pick<Trouble, 'rule' | 'cause' | 'scope' | 'detail'> & { since: Date }): Trouble => ({
  ...about,
  ...{ subject: null, since: since.toISOString(), hint: '', run: null },
})
