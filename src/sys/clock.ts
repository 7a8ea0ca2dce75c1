// The only door to the wall clock and to timers, so that a test can put any instant or any jump behind it.
import { setTimeout as timer } from 'node:timers/promises'

export interface Clock {
  /** Now, by the wall clock: it may jump. */
  now(): Date
  /** Milliseconds of a clock that never jumps, for durations. */
  ticks(): number
  /** Resolves after `ms`; rejects with an AbortError when the signal fires first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls back every `ms` until the returned function is called; never keeps the process alive. */
  every(ms: number, call: () => void): () => void
}

export const systemClock: Clock = {
  now: () => new Date(),
  ticks: () => performance.now(),
  sleep: async (ms, signal) => {
    await timer(ms, undefined, signal ? { signal } : {})
  },
  every: (ms, call) => {
    const handle = setInterval(call, ms)
    handle.unref()
    return () => clearInterval(handle)
  },
}

/** A signal that fires after `ms` with `reason`, and a way to call it off. */
export function deadline(ms: number, reason: Error): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController()
  const handle = setTimeout(() => controller.abort(reason), ms)
  handle.unref()
  return { signal: controller.signal, clear: () => clearTimeout(handle) }
}
