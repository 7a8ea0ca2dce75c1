// Takes a restore in place back: the database that it put aside gets its name again, by the same swap. Itself to be undone.
import { Failure } from '../domain/errors.js'
import { parseRunId, type RunId } from '../domain/ids.js'
import { keptName } from '../domain/restore-names.js'
import type { SubjectId } from '../domain/subject.js'
import { withSession } from '../postgres/connection.js'
import { databaseOid } from '../postgres/databases.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { restoreLeaseKey } from '../store/keys.js'
import type { SwapOutcome } from './in-place-report.js'
import { type KeptDatabase, keptDatabases } from './kept-databases.js'
import { look } from './list-tenants.js'
import type { JobContext, Parts } from './parts.js'
import { withSubjectLease } from './subject-lease.js'
import { swapIn } from './swap-in.js'

export interface UndoTarget {
  /** The run that is taken back. */
  run: RunId
  subject: SubjectId
  kept: KeptDatabase & { live: string }
}

/**
 * What `restore undo` would bring back.
 * @param beginning a run's id, or its beginning.
 * @throws Failure run-unknown when no database that this run put aside is on the server.
 */
export async function undoTarget(parts: Parts, beginning: string, signal: AbortSignal): Promise<UndoTarget> {
  if (!/^[0-9a-f]{4,12}$/.test(beginning)) throw new Failure('usage', `not a run id: ${beginning}`)
  const fits = (await keptDatabases(parts, { signal })).filter(one => one.run.startsWith(beginning))
  const [kept] = fits
  if (fits.length > 1) {
    throw new Failure('usage', `${beginning} is the beginning of ${fits.length} runs`, {
      hint: 'type more digits',
    })
  }
  if (!kept) {
    throw new Failure('run-unknown', `no database that run ${beginning} put aside is on the server`, {
      hint: 'type `gmah-backup restore list` to see what can be undone',
    })
  }
  const { live } = kept
  if (live === null) {
    throw new Failure('run-unknown', `nobody knows what ${kept.database} was called before`, {
      hint: 'rename it by hand: ALTER DATABASE … RENAME TO …, then ALTER DATABASE … ALLOW_CONNECTIONS true',
    })
  }
  const subject = kept.subject ?? (await subjectOf(parts, live, signal))
  return { run: parseRunId(kept.run), subject, kept: { ...kept, live } }
}

/** @throws Failure as the swap's; subject-busy while a restore of this tenant runs. */
export function undoRestore(
  parts: Parts,
  { subject, kept }: UndoTarget,
  outer: JobContext,
): Promise<SwapOutcome> {
  const key = restoreLeaseKey(subject)
  return withSubjectLease(
    parts,
    subject,
    outer,
    async context => {
      const { postgres } = parts.config
      const { live, database: incoming } = kept
      const oid = await withSession(
        postgres,
        maintenanceDatabase(postgres),
        { signal: context.signal },
        session => databaseOid(session, live),
      )
      const names = { live, incoming, kept: oid === null ? null : keptName(live, context.run) }
      return swapIn(parts, subject, names, oid, context)
    },
    { key },
  )
}

async function subjectOf(parts: Parts, live: string, signal: AbortSignal): Promise<SubjectId> {
  const { subjects } = await look(parts, signal)
  const found = subjects.find(one => one.kind !== 'globals' && one.database === live)
  if (found) return found.id
  throw new Failure('tenant-unknown', `${live} is no tenant's database`)
}
