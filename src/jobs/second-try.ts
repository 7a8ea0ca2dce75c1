// The second try of what failed for a passing reason: after a pause of its own or, when it is the server that is away, after
// the one wait for it that everything in the run shares.
import { asFailure, Failure } from '../domain/errors.js'
import { withSession } from '../postgres/connection.js'
import { sqlstate } from '../postgres/sqlstate.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { errorFacts } from './journal-rows.js'
import type { JobContext, Parts } from './parts.js'

/**
 * @throws Failure of the second attempt; of the first one where another is not worth it, or could not be begun because the
 * server went away meanwhile; postgres-unreachable from when it did not come back, for what failed of that or was not begun.
 */
export type SecondTry = <T>(attempt: () => Promise<T>) => Promise<T>

/**
 * For one run. The chunks stored by the first attempt are found and cost nothing. While the server is away nothing is begun:
 * two hundred tenants wait for it as long as one does.
 * @param serverWaitMs how long; it is asked after each `dump.retry_pause` and at the end. 0: for one pause.
 */
export function secondTries(parts: Parts, context: JobContext, serverWaitMs: number): SecondTry {
  const { clock, config } = parts
  /** While it is looked whether the server is there, and while it is waited for; rejected for good when it stayed away. */
  let waiting: Promise<void> | null = null
  /** How often it was away and came back. */
  let absences = 0
  const waitOnce = async (): Promise<void> => {
    if (await waitForServer(parts, context, serverWaitMs)) absences += 1
    waiting = null
  }
  return async attempt => {
    await waiting
    const before = absences
    try {
      return await attempt()
    } catch (thrown) {
      const failure = asFailure(thrown)
      if (!failure.retryable || context.signal.aborted) throw thrown
      const ofServer = failure.code === 'postgres-unreachable'
      const back = async (): Promise<void> => {
        await waiting?.catch(stayedAway => {
          context.signal.throwIfAborted()
          throw ofServer ? stayedAway : thrown
        })
      }
      // One that is late to fail of an absence that is over has waited already.
      if (ofServer && absences === before) waiting ??= waitOnce()
      await back()
      if (absences === before) {
        await clock.sleep(config.dump.retryPauseMs, context.signal)
        await back()
      }
      return attempt()
    }
  }
}

/**
 * @returns whether the server was away, and is back; false: it answers, what was lost was one connection.
 * @throws Failure postgres-unreachable when it is still away after the wait.
 */
async function waitForServer(
  { clock, config }: Parts,
  context: JobContext,
  serverWaitMs: number,
): Promise<boolean> {
  const { retryPauseMs } = config.dump
  const ask = () => whyAway(config.postgres, context.signal)
  const away = await ask()
  if (!away) return false
  const since = clock.ticks()
  const waited = () => Math.round(clock.ticks() - since)
  const tell = (outcome: 'waiting' | 'back' | 'away', failure: Failure) =>
    context.emit({
      type: 'server-away',
      subject: null,
      facts: { waitedMs: waited(), outcome, error: errorFacts(failure) },
    })
  tell('waiting', away)
  let still: Failure | null
  // Counted in pauses, so that it ends where a pause is none.
  let left = serverWaitMs || retryPauseMs
  do {
    const pauseMs = Math.min(retryPauseMs, left)
    await clock.sleep(pauseMs, context.signal)
    still = await ask()
    left -= pauseMs
  } while (still && left > 0 && retryPauseMs > 0)
  tell(still ? 'away' : 'back', still ?? away)
  if (!still) return true
  const waitedMs = waited()
  const { code, message, hint, cause } = still
  throw new Failure(code, `${message} (waited for it ${Math.round(waitedMs / 1000)} s)`, { hint, cause })
}

/** "Too many clients" (53300): whoever says so is there. */
const FULL = '53300'

async function whyAway(target: Parts['config']['postgres'], signal: AbortSignal): Promise<Failure | null> {
  try {
    await withSession(target, maintenanceDatabase(target), { signal }, async () => {})
    return null
  } catch (thrown) {
    signal.throwIfAborted()
    const failure = asFailure(thrown)
    return failure.code === 'postgres-unreachable' && sqlstate(failure) !== FULL ? failure : null
  }
}
