// Retries, the bandwidth cap, the file lock and cancellation, under a clock that moves on command.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { systemClock } from '../../src/sys/clock.js'
import { fileLock } from '../../src/sys/file-lock.js'
import { interruption, withDeadline } from '../../src/sys/interruption.js'
import { retry } from '../../src/sys/retry.js'
import { createThrottle } from '../../src/sys/throttle.js'
import { manualClock, settle } from '../kit/clock.js'
import { failureOf } from '../kit/failing.js'

const skipping = () => manualClock(undefined, { skipSleeps: true })
const busy = () => new Failure('store-busy', 'slow down', { hint: 'wait', facts: { key: 'k' } })

describe('retry', () => {
  it('gives the first success, and tells each failure before it', async () => {
    const waits: number[] = []
    const result = await retry(
      async attempt => {
        if (attempt < 4) throw busy()
        return attempt
      },
      { clock: skipping(), random: () => 1, onRetry: one => waits.push(one.waitMs) },
    )
    expect(result).toBe(4)
    expect(waits).toEqual([200, 400, 800])
  })

  it('throws at once what will not pass, as it is', async () => {
    const failure = new Failure('store-denied', 'no')
    const calls: number[] = []
    const attempt = async (n: number) => {
      calls.push(n)
      throw failure
    }
    const call = retry(attempt, { clock: skipping() })
    expect(await failureOf(call)).toBe(failure)
    expect(calls).toEqual([1])
  })

  it('stays inside its budget, doubles up to the cap, and never waits less than half', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 10_000 }),
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: 1, max: 20_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        async (budgetMs, baseMs, capMs, luck) => {
          const clock = skipping()
          const waits: number[] = []
          const onRetry = (one: { waitMs: number }) => waits.push(one.waitMs)
          const failure = await failureOf(
            retry(() => Promise.reject(busy()), {
              clock,
              budgetMs,
              baseMs,
              capMs,
              random: () => luck,
              onRetry,
            }),
          )
          expect(clock.ticks()).toBeLessThanOrEqual(budgetMs)
          for (const [index, waitMs] of waits.entries()) {
            const fullMs = Math.min(capMs, baseMs * 2 ** index)
            expect(waitMs).toBeGreaterThanOrEqual(Math.floor(fullMs / 2))
            expect(waitMs).toBeLessThanOrEqual(Math.ceil(fullMs))
          }
          expect(failure).toMatchObject({ code: 'store-busy', hint: 'wait' })
          if (waits.length > 0) expect(failure.facts).toEqual({ key: 'k', attempts: waits.length + 1 })
        },
      ),
      { numRuns: 50 },
    )
  })

  it('ends its pause when the signal fires, with the reason', async () => {
    const clock = manualClock()
    const controller = new AbortController()
    const call = failureOf(retry(() => Promise.reject(busy()), { clock, signal: controller.signal }))
    await settle()
    expect(clock.waiting()).toBe(1)
    controller.abort(new Failure('lease-lost', 'gone'))
    expect((await call).code).toBe('lease-lost')
    expect(clock.waiting()).toBe(0)
  })

  it('does not start when the signal has fired', async () => {
    let calls = 0
    const call = retry(async () => calls++, { clock: skipping(), signal: AbortSignal.abort() })
    expect((await failureOf(call)).code).toBe('interrupted')
    expect(calls).toBe(0)
  })
})

describe('a throttle', () => {
  it('lets through no more than the rate over any stretch, beyond its burst and one piece', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 0, max: 20_000 }),
        fc.array(
          fc.record({
            bytes: fc.integer({ min: 0, max: 50_000 }),
            idleMs: fc.constantFrom(0, 0, 100, 5_000),
          }),
          { minLength: 1 },
        ),
        async (bytesPerSecond, burstBytes, pieces) => {
          const clock = skipping()
          const throttle = createThrottle({ bytesPerSecond, clock, burstBytes })
          const granted: { atMs: number; bytes: number }[] = []
          for (const { bytes, idleMs } of pieces) {
            await clock.sleep(idleMs)
            await throttle.take(bytes)
            granted.push({ atMs: clock.ticks(), bytes })
          }
          for (let from = 0; from < granted.length; from++) {
            let sum = 0
            for (let to = from; to < granted.length; to++) {
              const allowed = burstBytes + ((granted[to]!.atMs - granted[from]!.atMs) / 1000) * bytesPerSecond
              expect(sum).toBeLessThanOrEqual(allowed + 1)
              sum += granted[to]!.bytes
            }
          }
        },
      ),
      { numRuns: 100 },
    )
  })

  it('uses the rate to the full when there is always something to send', async () => {
    const clock = skipping()
    const throttle = createThrottle({ bytesPerSecond: 1_000, clock, burstBytes: 0 })
    for (let n = 0; n < 101; n++) await throttle.take(500)
    expect(clock.ticks()).toBeCloseTo(50_000)
  })

  it('can be left while waiting', async () => {
    const clock = manualClock()
    const throttle = createThrottle({ bytesPerSecond: 1, clock })
    await throttle.take(100)
    const controller = new AbortController()
    const waiting = failureOf(throttle.take(1, controller.signal))
    controller.abort()
    expect((await waiting).code).toBe('interrupted')
  })
})

describe('a file lock', () => {
  const inDirectory = async (call: (path: string) => Promise<void>) => {
    const path = await mkdtemp(join(tmpdir(), 'gmah-lock-'))
    await call(path).finally(() => rm(path, { recursive: true }))
  }

  it('lets one run at a time, from one lock or from many', () =>
    inDirectory(async path => {
      const locks = Array.from({ length: 4 }, () => fileLock(join(path, 'lock'), systemClock))
      let inside = 0
      const work = Array.from({ length: 40 }, (_, n) =>
        locks[n % 4]!.run(async () => {
          expect(++inside).toBe(1)
          await new Promise(resolve => setTimeout(resolve, 1))
          inside--
        }),
      )
      await Promise.all(work)
    }))

  it('still keeps out whoever asks when its file was taken away and made again meanwhile', () =>
    inDirectory(async path => {
      const file = join(path, 'lock')
      const [ours, theirs] = [fileLock(file, systemClock), fileLock(file, systemClock)]
      await ours.run(async () => {})
      await rm(file)
      await theirs.run(async () => {
        const failure = await failureOf(ours.run(async () => {}, { waitMs: 0 }))
        expect(failure.code).toBe('store-busy')
      })
    }))

  it('gives up as store-busy, and goes on after a run that failed', () =>
    inDirectory(async path => {
      const [one, two] = [
        fileLock(join(path, 'lock'), systemClock),
        fileLock(join(path, 'lock'), systemClock),
      ]
      await one!.run(async () => {
        expect((await failureOf(two!.run(async () => {}, { waitMs: 20 }))).code).toBe('store-busy')
        const signal = AbortSignal.timeout(20)
        expect((await failureOf(two!.run(async () => {}, { signal }))).code).not.toBe('store-busy')
      })
      await one!.run(() => Promise.reject(new Error('x'))).catch(() => {})
      expect(await two!.run(async () => 'done')).toBe('done')
    }))
})

describe('a deadline around a call', () => {
  const late = new Failure('store-unreachable', 'too late')
  const hang = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

  it("ends it late with its failure, or with the caller's when that fires first", async () => {
    expect(await failureOf(withDeadline({ ms: 5, late, signal: undefined }, hang))).toBe(late)
    const controller = new AbortController()
    const call = failureOf(withDeadline({ ms: 60_000, late, signal: controller.signal }, hang))
    controller.abort()
    expect((await call).code).toBe('interrupted')
    expect(await withDeadline({ ms: 60_000, late, signal: undefined }, async () => 1)).toBe(1)
  })

  it('reads any reason as a failure', () => {
    expect(interruption(AbortSignal.abort('just so')).code).toBe('interrupted')
    expect(interruption(AbortSignal.abort(late))).toBe(late)
  })
})
