// Calls again what failed in a way that may pass, with growing, jittered pauses, inside a budget.
// A loop of our own and not p-retry: p-retry sleeps by the global timers, and every pause here goes through a Clock.
import { asFailure, Failure } from '../domain/errors.js'
import type { Clock } from './clock.js'
import { interruption, throwIfInterrupted } from './interruption.js'

export interface Retried {
  failure: Failure
  /** How many attempts there have been. */
  attempt: number
  /** The pause before the next one. */
  waitMs: number
}

/** How long is tried again where nobody says otherwise. */
export const RETRY_BUDGET_MS = 120_000

export interface RetryOptions {
  clock: Clock
  signal?: AbortSignal
  /** No attempt starts later than this after the first one did; a function is asked anew at each failure. */
  budgetMs?: number | (() => number)
  /** The first pause; it doubles up to `capMs`, and each is jittered down to no less than half. */
  baseMs?: number
  capMs?: number
  /** Which failures are worth another attempt; those that say so themselves, unless told otherwise. */
  worth?: (failure: Failure, attempt: number) => boolean
  onRetry?: (retried: Retried) => void
  /** A number in [0, 1), for the jitter. */
  random?: () => number
}

/**
 * The result of the first attempt that succeeds.
 * @throws Failure the last attempt's own code and hint, with the number of attempts in `facts.attempts`;
 * at once what the signal's reason is, when it fires.
 */
export async function retry<T>(call: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, signal, budgetMs = RETRY_BUDGET_MS, worth = failure => failure.retryable } = options
  const startedTicks = clock.ticks()
  for (let attempt = 1; ; attempt++) {
    throwIfInterrupted(signal)
    try {
      return await call(attempt)
    } catch (thrown) {
      if (signal?.aborted) throw interruption(signal)
      const failure = asFailure(thrown)
      if (!worth(failure, attempt)) throw failure
      const waitMs = pauseMs(attempt, options)
      const spentMs = clock.ticks() - startedTicks
      const limitMs = typeof budgetMs === 'number' ? budgetMs : budgetMs()
      if (spentMs + waitMs > limitMs) throw givenUp(failure, attempt, spentMs)
      options.onRetry?.({ failure, attempt, waitMs })
      await pause(clock, waitMs, signal)
    }
  }
}

/** Exponential with "equal jitter": half is sure, half is random, so that many callers never come back together. */
function pauseMs(attempt: number, options: RetryOptions): number {
  const { baseMs = 200, capMs = 15_000, random = Math.random } = options
  const fullMs = Math.min(capMs, baseMs * 2 ** (attempt - 1))
  return Math.round(fullMs / 2 + (random() * fullMs) / 2)
}

async function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await clock.sleep(ms, signal)
  } catch (thrown) {
    throw signal?.aborted ? interruption(signal) : thrown
  }
}

function givenUp(failure: Failure, attempts: number, spentMs: number): Failure {
  if (attempts === 1) return failure
  const message = `${failure.message} (given up after ${attempts} attempts in ${(spentMs / 1000).toFixed(1)} s)`
  return new Failure(failure.code, message, {
    cause: failure.cause,
    hint: failure.hint,
    facts: { ...failure.facts, attempts },
  })
}
