// A clock whose wall time can be put anywhere, while its monotonic time only goes forward.
import type { Clock } from '../../src/sys/clock.js'

export interface FakeClock extends Clock {
  /** Puts the wall clock; nothing else happens. */
  set(to: string | Date): void
  /** Lets time pass, waking sleepers and repeating calls in order. */
  pass(ms: number): void
}

interface Waiter {
  at: number
  wake(): void
}

export function fakeClock(start: string): FakeClock {
  let wall = Date.parse(start)
  let mono = 0
  const waiters = new Set<Waiter>()
  const wait = (ms: number, wake: () => void): Waiter => {
    const waiter = { at: mono + ms, wake }
    waiters.add(waiter)
    return waiter
  }
  const next = (until: number): Waiter | undefined =>
    [...waiters].filter(one => one.at <= until).sort((a, b) => a.at - b.at)[0]

  const every = (ms: number, call: () => void): (() => void) => {
    let current: Waiter
    const arm = (): void => {
      current = wait(ms, () => {
        arm()
        call()
      })
    }
    arm()
    return () => waiters.delete(current)
  }
  return {
    now: () => new Date(wall),
    ticks: () => mono,
    every,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        // A turn for whoever else waits takes no time.
        if (ms === 0) return void setImmediate(resolve)
        const waiter = wait(ms, resolve)
        signal?.addEventListener('abort', () => {
          waiters.delete(waiter)
          reject(new DOMException('aborted', 'AbortError'))
        })
      }),
    set: to => {
      wall = new Date(to).getTime()
    },
    pass: ms => {
      const until = mono + ms
      for (let waiter = next(until); waiter; waiter = next(until)) {
        wall += waiter.at - mono
        mono = waiter.at
        waiters.delete(waiter)
        waiter.wake()
      }
      wall += until - mono
      mono = until
    },
  }
}
