// The second try of what failed for a passing reason: after a pause of its own or, when it is the server that is away, after
// the one wait for it that everything in the run shares.
import { asFailure, Failure } from '../domain/errors.js'
import { withSession } from '../postgres/connection.js'
import { sqlstate } from '../postgres/sqlstate.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { errorFacts } from './journal-rows.js'
import type { JobContext, Parts } from './parts.js'

/**
 * @throws Failure of the second attempt; of the first one where another is not worth it; without any attempt,
 * postgres-unreachable from when the server did not come back.
 */
export type SecondTry = <T>(attempt: () => Promise<T>) => Promise<T>

/**
 * For one run. The chunks stored by the first attempt are found and cost nothing. While the server is away nothing is begun:
 * two hundred tenants wait for it as long as one does, `dump.retry_pause`.
 */
export function secondTries(parts: Parts, context: JobContext): SecondTry {
  const { clock, config } = parts
  /** While it is looked whether the server is there, and while it is waited for; rejected for good when it stayed away. */
  let waiting: Promise<void> | null = null
  /** How often it was away and came back. */
  let absences = 0
  const waitOnce = async (): Promise<void> => {
    if (await waitForServer(parts, context)) absences += 1
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
      // One that is late to fail of an absence that is over has waited already.
      if (failure.code === 'postgres-unreachable' && absences === before) waiting ??= waitOnce()
      await waiting
      if (absences === before) await clock.sleep(config.dump.retryPauseMs, context.signal)
      return attempt()
    }
  }
}

/**
 * @returns whether the server was away, and is back; false: it answers, what was lost was one connection.
 * @throws Failure postgres-unreachable when it is still away after the pause.
 */
async function waitForServer({ clock, config }: Parts, context: JobContext): Promise<boolean> {
  const ask = () => whyAway(config.postgres, context.signal)
  const away = await ask()
  if (!away) return false
  const since = clock.ticks()
  await clock.sleep(config.dump.retryPauseMs, context.signal)
  const still = await ask()
  const waitedMs = Math.round(clock.ticks() - since)
  context.emit({
    type: 'server-away',
    subject: null,
    facts: { waitedMs, outcome: still ? 'away' : 'back', error: errorFacts(still ?? away) },
  })
  if (!still) return true
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
