// When the next copy will go: the plan made for each coming day, as if every night brought another good backup.
import type { Copy } from './copy.js'
import { type Circumstances, heldUntil, planRetention } from './plan.js'

const DAY_MS = 86_400_000
/** Who keeps everything for longer is told that nothing goes within this time. */
const DAYS_LOOKED_AT = 400

/**
 * The day on which something that is kept now will go.
 * @returns null when that is more than 400 days away, or not to be foreseen.
 */
export function nextRemoval(copies: readonly Copy[], circumstances: Circumstances): Date | null {
  const kept = planRetention(copies, circumstances)
    .filter(({ verdict }) => verdict === 'keep')
    .map(({ copy }) => copy)
  const known = new Set(kept.map(copy => copy.id))
  const { departed } = circumstances
  const first = departed && heldUntil(departed) > circumstances.now ? heldUntil(departed) : circumstances.now
  const after = (days: number) => new Date(first.getTime() + days * DAY_MS)
  const goesWithin = (days: number): boolean => {
    const then = { ...circumstances, now: after(days), lastRunFailed: null }
    const nights = departed ? [] : comingNights(kept, circumstances.now, days)
    return planRetention([...kept, ...nights], then).some(
      ({ copy, verdict }) => verdict === 'remove' && known.has(copy.id),
    )
  }
  const days = firstDay(goesWithin)
  return days === null ? null : after(days)
}

/** What goes once does not come back, so the day is found by halving; most go soon, so the search begins near. */
function firstDay(goesWithin: (days: number) => boolean): number | null {
  let high = 1
  while (!goesWithin(high)) {
    if (high === DAYS_LOOKED_AT) return null
    high = Math.min(high * 2, DAYS_LOOKED_AT)
  }
  let low = Math.floor(high / 2)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (goesWithin(middle)) high = middle
    else low = middle
  }
  return high
}

/** One scheduled backup a day, at the time of day of the newest that there is. */
function comingNights(kept: readonly Copy[], now: Date, days: number): Copy[] {
  const newest = kept.find(({ kind, broken }) => kind === 'scheduled' && broken === null)
  if (!newest) return []
  const { instant } = newest
  const sinceMs = Math.ceil(Math.max(0, now.getTime() - instant.getTime()) / DAY_MS) * DAY_MS
  return Array.from({ length: days }, (_, night) => ({
    ...newest,
    id: `night ${night}`,
    instant: new Date(instant.getTime() + sinceMs + night * DAY_MS),
    pin: null,
    proven: false,
  }))
}
