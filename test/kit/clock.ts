// A clock that stands still until told to move, so that no test depends on how fast the machine is.
import { setImmediate as turn } from 'node:timers/promises'
import { type Clock, systemClock } from '../../src/sys/clock.js'

export interface ManualClock extends Clock {
  /** Moves both clocks on by `ms`, firing timers in their order; what they start gets its turns in between. */
  advance(ms: number): Promise<void>
  /** Sets the wall clock off by `ms` (negative: backwards); ticks and timers know nothing of it. */
  jump(ms: number): void
  /** How many sleeps and intervals are waiting. */
  waiting(): number
}

interface Timer {
  atTicks: number
  everyMs: number | null
  fire: () => void
}

/**
 * Stands at `start`. With `skipSleeps`, a sleep moves the clocks on by itself and returns at once: for code whose pauses
 * matter only by their length (retries, throttles).
 */
export function manualClock(
  start = '2026-11-23T02:00:00Z',
  options: { skipSleeps?: boolean } = {},
): ManualClock {
  let wallMs = Date.parse(start)
  let ticks = 0
  const timers = new Set<Timer>()
  const move = (ms: number) => {
    ticks += ms
    wallMs += ms
  }
  const next = (untilTicks: number): Timer | undefined =>
    [...timers].filter(one => one.atTicks <= untilTicks).sort((a, b) => a.atTicks - b.atTicks)[0]
  const fire = (timer: Timer) => {
    move(Math.max(0, timer.atTicks - ticks))
    if (timer.everyMs === null) timers.delete(timer)
    else timer.atTicks += timer.everyMs
    timer.fire()
  }
  return {
    now: () => new Date(wallMs),
    ticks: () => ticks,
    sleep: (ms, signal) => {
      if (signal?.aborted) return Promise.reject(aborted(signal))
      if (options.skipSleeps) {
        move(ms)
        return turn()
      }
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          timers.delete(timer)
          reject(aborted(signal))
        }
        const timer: Timer = {
          atTicks: ticks + ms,
          everyMs: null,
          fire: () => {
            signal?.removeEventListener('abort', onAbort)
            resolve()
          },
        }
        timers.add(timer)
        signal?.addEventListener('abort', onAbort, { once: true })
      })
    },
    every: (ms, call) => {
      const timer: Timer = { atTicks: ticks + ms, everyMs: ms, fire: call }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance: async ms => {
      const endTicks = ticks + ms
      await settle()
      for (let timer = next(endTicks); timer; timer = next(endTicks)) {
        fire(timer)
        await settle()
      }
      move(endTicks - ticks)
      await settle()
    },
    jump: ms => {
      wallMs += ms
    },
    waiting: () => timers.size,
  }
}

/** The real clock, which hours can be let pass on: neither wall nor ticks jump against the other. */
export function hastyClock(): Clock & { pass(ms: number): void } {
  let ahead = 0
  return {
    ...systemClock,
    now: () => new Date(systemClock.now().getTime() + ahead),
    ticks: () => systemClock.ticks() + ahead,
    pass: ms => {
      ahead += ms
    },
  }
}

/** Lets everything that waits for promises, not for a disk or a network, run as far as it can. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await turn()
}

/**
 * Waits (for real) until `condition` holds: for work that goes through a disk or a network. The limit is for what never
 * comes; it says nothing of how long a busy machine may take.
 */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 90_000): Promise<void> {
  const end = Date.now() + limitMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`did not come true within ${limitMs} ms: ${condition}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

function aborted(signal: AbortSignal | undefined): Error {
  const error = new Error('The operation was aborted', { cause: signal?.reason })
  error.name = 'AbortError'
  return error
}
