// Drops what restores have put aside, once its days are over: planned, explained, and only what is certainly ours.
import { asFailure, type Failure } from '../domain/errors.js'
import { withSession } from '../postgres/connection.js'
import { dropDatabase } from '../postgres/databases.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { type KeptVerdict, planKept } from '../retention/plan-kept.js'
import { type KeptDatabase, keptDatabases } from './kept-databases.js'
import type { JobContext, Parts } from './parts.js'
import type { JobEnd } from './runner.js'

/** A database that was put aside, and what becomes of it. */
export type KeptEntry = KeptVerdict<KeptDatabase>

export interface KeptSweep {
  verdicts: KeptEntry[]
  dropped: string[]
  failed: { database: string; failure: Failure }[]
}

/** What the sweep would do now. */
export const planKeptSweep = async (parts: Parts, signal: AbortSignal): Promise<KeptEntry[]> =>
  planKept(await keptDatabases(parts, { signal }), parts.clock.now())

/** @throws Failure when the server cannot be asked; one database's failure is in the report. */
export async function sweepKept(parts: Parts, context: JobContext): Promise<KeptSweep> {
  const verdicts = await planKeptSweep(parts, context.signal)
  const report: KeptSweep = { verdicts, dropped: [], failed: [] }
  const { postgres } = parts.config
  const due = verdicts.filter(one => one.drop)
  if (due.length === 0) return report
  return withSession(postgres, maintenanceDatabase(postgres), { signal: context.signal }, async session => {
    for (const { kept, reason } of due) {
      const { database, subject } = kept
      try {
        await dropDatabase(session, database)
        context.emit({ type: 'kept-dropped', subject, facts: { database, reason } })
        report.dropped.push(database)
      } catch (thrown) {
        report.failed.push({ database, failure: asFailure(thrown) })
      }
    }
    return report
  })
}

/** @throws Failure of the first database that could not be dropped, when none was. */
export function endOfKeptSweep({ verdicts, dropped, failed }: KeptSweep): JobEnd {
  const facts = { kept: verdicts.length - dropped.length, dropped: dropped.length, failed: failed.length }
  if (failed[0] && dropped.length === 0) throw failed[0].failure
  return { outcome: failed.length > 0 ? 'partial' : 'succeeded', facts }
}
