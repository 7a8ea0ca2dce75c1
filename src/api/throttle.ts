// Counts what an address got wrong of late, and says how long it has to wait. Memory is bounded, whoever knocks.
import type { Clock } from '../sys/clock.js'

export interface Throttle {
  /** Notes one more. @returns 0, or how many milliseconds to wait once there were too many. */
  strike(address: string): number
}

/** Addresses remembered; the oldest goes first. */
const ADDRESSES = 10_000

export function createThrottle(
  clock: Clock,
  { most, withinMs }: { most: number; withinMs: number },
): Throttle {
  const strikes = new Map<string, { count: number; sinceTicks: number }>()
  return {
    strike: address => {
      const now = clock.ticks()
      const known = strikes.get(address)
      const fresh = !known || now - known.sinceTicks >= withinMs
      const entry = fresh ? { count: 1, sinceTicks: now } : { ...known, count: known.count + 1 }
      strikes.delete(address)
      strikes.set(address, entry)
      const oldest = strikes.size > ADDRESSES ? strikes.keys().next().value : undefined
      if (oldest !== undefined) strikes.delete(oldest)
      return entry.count <= most ? 0 : withinMs - (now - entry.sinceTicks)
    },
  }
}
