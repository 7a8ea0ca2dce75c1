// What a sweep tidies up once the tenants are done. Nothing here is worth losing the report of what was removed: it is told.
import { asFailure, type Failure } from '../domain/errors.js'
import { sweepProbes } from '../repository/sweep-probes.js'
import { errorFacts } from './journal-rows.js'
import type { JobContext, Parts } from './parts.js'
import { trimJournal } from './trim-journal.js'

/**
 * @param journalMs how long events are kept; null: our clock may be wrong, and nothing is old by it.
 * @returns what could not be tidied up; the next sweep tries again.
 * @throws what the signal says when it fires.
 */
export async function tidyAfterSweep(
  parts: Parts,
  journalMs: number | null,
  context: JobContext,
): Promise<Failure[]> {
  const failures: Failure[] = []
  const tidy = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (thrown) {
      context.signal.throwIfAborted()
      const failure = asFailure(thrown)
      failures.push(failure)
      context.emit({ type: 'sweep-failed', subject: null, facts: { error: errorFacts(failure) } })
    }
  }
  await tidy(async () => {
    const keys = await sweepProbes(parts.repository.store, context)
    const reason = 'a probe whose process died before it could delete it'
    if (keys.length > 0) context.emit({ type: 'leftovers-removed', facts: { reason, keys } })
  })
  if (journalMs !== null) await tidy(() => trimJournal(parts, journalMs, context))
  return failures
}
