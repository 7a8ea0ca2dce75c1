// Retries for somebody who waits at a terminal: said early why nothing happens, and no long wait for what may be no store at all.
// A store that has answered once is known to be there: what fails from then on has the whole budget of any operation.
import { asFailure, causes, type Failure } from '../domain/errors.js'
import type { Clock } from '../sys/clock.js'
import { RETRY_BUDGET_MS, type RetryOptions, retry } from '../sys/retry.js'

export interface Patience {
  /** How long, from the first request on, a store is tried that has never answered. */
  budgetMs: number
  /** Called with a line once something takes long: what is waited for and why; each reason once. */
  tell(line: string): void
}

/** A person takes silence for a hang from about here on; most troubles that pass have passed before. */
const TELL_AFTER_MS = 3000
/** An outage with ever new reasons must not fill the screen. */
const LINES_MAX = 5

/**
 * A `retry` for the operations of the store called `name`. Until it has answered, what no waiting can cure (`facts.lasting`)
 * is thrown at once.
 */
export function patientRetry(name: string, clock: Clock, { budgetMs, tell }: Patience): typeof retry {
  const told = new Set<string>()
  let answered = false
  let firstTicks: number | null = null
  const say = (why: string | null, triedMs: number) => {
    if (why === null || told.has(why) || told.size >= LINES_MAX) return
    told.add(why)
    tell(`waiting for ${name}: ${why}; trying for about ${Math.round(triedMs / 1000)} s`)
  }
  const heard = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      const result = await answer
      answered = true
      return result
    } catch (thrown) {
      if (isAnswer(asFailure(thrown))) answered = true
      throw thrown
    }
  }
  return async (call, options) => {
    const { worth = failure => failure.retryable } = options
    const startedTicks = clock.ticks()
    firstTicks ??= startedTicks
    const sinceFirstMs = startedTicks - firstTicks
    const limitMs = (): number =>
      answered ? wholeMs(options) : Math.min(wholeMs(options), budgetMs - sinceFirstMs)
    // A body that is long on its way is no trouble, once the store is known to be there.
    let why = answered ? null : 'no answer yet'
    const stop = clock.every(TELL_AFTER_MS, () => say(why, limitMs()))
    try {
      return await retry(attempt => heard(call(attempt)), {
        ...options,
        budgetMs: limitMs,
        worth: (failure, attempt) => worth(failure, attempt) && (answered || failure.facts.lasting !== true),
        onRetry: retried => {
          why = reasonOf(retried.failure)
          options.onRetry?.(retried)
        },
      })
    } finally {
      stop()
    }
  }
}

const wholeMs = ({ budgetMs = RETRY_BUDGET_MS }: RetryOptions): number =>
  typeof budgetMs === 'number' ? budgetMs : budgetMs()

/** A refusal is an answer of the store's too; silence, or some other server's page, is none. */
const isAnswer = ({ code, facts }: Failure): boolean => code !== 'store-unreachable' && facts.foreign !== true

const reasonOf = (failure: Failure): string => causes(failure).at(-1) ?? failure.message
