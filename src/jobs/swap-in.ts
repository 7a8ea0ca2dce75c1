// The swap as a step of a run: under the subject's lease, so that no dump is cut off, and written down before it happens.
import type { SwapFacts } from '../domain/restore-events.js'
import type { SubjectId } from '../domain/subject.js'
import { swapDatabases } from '../restore/swap.js'
import type { SwapOutcome } from './in-place-report.js'
import { finish, type JobContext, type Parts } from './parts.js'
import { planProblem } from './restore-plan.js'
import { withSubjectLease } from './subject-lease.js'

/** A dump of this tenant that runs when we come to swap is let end. */
const LEASE_WAIT_MS = 30 * 60_000

/**
 * @param liveOid of the database that has the name, as it was when the run began; null: there was none.
 * @throws Failure as swapDatabases; subject-busy when a backup of the subject does not end.
 */
export function swapIn(
  parts: Parts,
  subject: SubjectId,
  names: SwapFacts,
  liveOid: string | null,
  outer: JobContext,
): Promise<SwapOutcome> {
  const { config, clock } = parts
  return withSubjectLease(
    parts,
    subject,
    outer,
    async (context, confirm) => {
      confirm()
      const { poolerProblem, refusals, ...swapped } = await swapDatabases(names, {
        target: config.postgres,
        clock,
        begin: () => finish(context, `${names.live} is changing places with what was restored`),
        liveOid,
        note: step => context.emit({ type: 'swap-step', facts: { ...names, step } }),
      })
      const { downtimeMs, pausedMs, endedConnections } = swapped
      const facts = { ...names, downtimeMs, pausedMs, endedConnections, refusals }
      context.emit({ type: 'swap-finished', facts })
      const { keepReplacedMs } = config.restore
      return {
        database: names.live,
        kept: names.kept,
        keptUntil:
          names.kept === null ? null : new Date(clock.now().getTime() + keepReplacedMs).toISOString(),
        ...swapped,
        poolerProblem: poolerProblem && planProblem(poolerProblem),
      }
    },
    { waitMs: LEASE_WAIT_MS },
  )
}
