// A bandwidth cap that any number of streams share: over any long enough stretch, no more bytes than the rate allows.
import type { Clock } from './clock.js'
import { interruption, throwIfInterrupted } from './interruption.js'

export interface Throttle {
  /** Resolves when `bytes` may pass; first come, first served. @throws Failure interrupted when the signal fires first. */
  take(bytes: number, signal?: AbortSignal): Promise<void>
}

/**
 * A token bucket kept as one number, the instant at which all that was granted is paid for (the "virtual scheduling" form
 * of ITU-T I.371's generic cell rate algorithm). What was left unused for up to `burstBytes` may be used at once;
 * a piece larger than the burst is granted whole and paid for by those after it. An interrupted wait keeps its share.
 */
export function createThrottle(options: {
  bytesPerSecond: number
  clock: Clock
  burstBytes?: number
}): Throttle {
  const { bytesPerSecond, clock, burstBytes = bytesPerSecond } = options
  const burstMs = (burstBytes / bytesPerSecond) * 1000
  let paidAtTicks = Number.NEGATIVE_INFINITY
  return {
    take: async (bytes, signal) => {
      throwIfInterrupted(signal)
      const nowTicks = clock.ticks()
      const waitMs = Math.max(0, paidAtTicks - nowTicks)
      paidAtTicks = Math.max(paidAtTicks, nowTicks - burstMs) + (bytes / bytesPerSecond) * 1000
      if (waitMs === 0) return
      try {
        await clock.sleep(waitMs, signal)
      } catch (thrown) {
        throw signal?.aborted ? interruption(signal) : thrown
      }
    },
  }
}
