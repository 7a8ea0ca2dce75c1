// Which chunks a night of a rotation reads: pure arithmetic on a circle. Ids are as good as random, so a slice of the circle is
// a slice of the bytes, and what comes and goes meanwhile moves no border.
import type { ChunkId } from '../domain/ids.js'

/** Places on the circle: the first 48 bits of an id. */
export const CIRCLE = 2 ** 48

/** How far one subject's round is. */
export interface Lap {
  /** Where the next slice begins. */
  at: number
  /** How much of the circle this lap has read. */
  covered: number
  /** When this lap began; ISO 8601. */
  since: string
  /** When the last slice was read to its end; null: never. */
  visitedAt: string | null
  /** When the newest whole lap began: everything stored then has been read since. Null: there is none. */
  wholeSince: string | null
}

export interface Slice {
  from: number
  width: number
}

export const placeOnCircle = (id: ChunkId): number => Number.parseInt(id.slice(0, 12), 16)

/**
 * A lap for a subject of which nothing is remembered. It begins where a rotation that forgets every night would go on, so
 * that even one whose state is always lost reads everything in `nights` days.
 */
export function newLap(now: Date, nights: number): Lap {
  const day = Math.floor(now.getTime() / 86_400_000)
  const at = ((day % nights) * sliceWidth(nights)) % CIRCLE
  return { at, covered: 0, since: now.toISOString(), visitedAt: null, wholeSince: null }
}

/** What is to be read tonight. The last slice of a lap is what is left of it. */
export function nextSlice({ at, covered }: Lap, nights: number): Slice {
  return { from: at, width: Math.min(sliceWidth(nights), CIRCLE - covered) }
}

export function inSlice({ from, width }: Slice, id: ChunkId): boolean {
  return distance(from, placeOnCircle(id)) < width
}

/** Clockwise from one place to another. */
const distance = (from: number, to: number): number => (to - from + CIRCLE) % CIRCLE

/** The lap after the slice was read, whole or up to the chunk `stoppedAt`, which was not. */
export function advance(lap: Lap, slice: Slice, now: Date, stoppedAt: ChunkId | null): Lap {
  const read = stoppedAt === null ? slice.width : distance(slice.from, placeOnCircle(stoppedAt))
  const at = (slice.from + read) % CIRCLE
  const visitedAt = stoppedAt === null ? now.toISOString() : lap.visitedAt
  const covered = lap.covered + read
  if (covered < CIRCLE) return { ...lap, at, covered, visitedAt }
  return { at, covered: 0, since: now.toISOString(), visitedAt, wholeSince: lap.since }
}

const sliceWidth = (nights: number): number => Math.ceil(CIRCLE / nights)
