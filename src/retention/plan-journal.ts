// Which of the journal's events are forgotten: those that are old, and that nothing asks for whatever their age. Pure.
import type { EventType } from '../domain/events.js'

/** An event, without what it says. */
export interface EventHead {
  seq: number
  at: Date
  type: EventType
  /** A later one of its type about the same subject (or about none) stands in the journal. */
  superseded: boolean
}

/**
 * Asked for whatever their age: which database a swap put aside, the newest archive of a tenant, the newest snapshot of a server,
 * and when a job last succeeded. They are few.
 */
const STAY: ReadonlySet<EventType> = new Set<EventType>([
  ...(['swap-step', 'swap-finished', 'swap-repaired'] as const),
  ...(['archive-stored', 'snapshot-made'] as const),
  ...(['run-started', 'run-finished', 'run-interrupted', 'run-cancelled'] as const),
])

/**
 * The sequence numbers of what goes. The newest of its type about a subject always stays: retention removes nothing of a tenant
 * whose last backup failed, and what a lock holds is known from the last refusal.
 */
export const eventsToForget = (events: readonly EventHead[], before: Date): number[] =>
  events.flatMap(({ seq, at, type, superseded }) =>
    at < before && superseded && !STAY.has(type) ? [seq] : [],
  )

/**
 * Whether events after these may be old too. They are in the order in which they happened, so a young one ends the search; one
 * from the future was written under a wrong clock and tells nothing.
 */
export const mayOldOnesFollow = (events: readonly EventHead[], before: Date, now: Date): boolean =>
  events.length > 0 && !events.some(({ at }) => at >= before && at <= now)
