// Databases that restores have put aside: which there are, since when, whose they are, and how long they stay.
import type { RunId } from '../domain/ids.js'
import { keptName, keptRun } from '../domain/restore-names.js'
import type { SubjectId } from '../domain/subject.js'
import { withSession } from '../postgres/connection.js'
import { databaseBytes } from '../postgres/occupancy.js'
import { maintenanceDatabase } from '../postgres/target.js'
import type { JournalReader } from './journal-reader.js'
import type { Parts } from './parts.js'

export interface KeptDatabase {
  database: string
  /** The run that put it aside; `restore undo <run>` brings it back. */
  run: RunId
  subject: SubjectId | null
  /** The name it had; null when neither the journal nor the server tells. */
  live: string | null
  /** True while there is a database of that name. */
  liveThere: boolean
  bytes: number
  /** When it was put aside, and when the sweep may drop it; null when the journal does not know the run. */
  since: Date | null
  until: Date | null
}

/** Newest first, those of unknown age last. Asked of the server: the journal only adds the dates. */
export async function keptDatabases(
  parts: Parts,
  options: { signal?: AbortSignal } = {},
): Promise<KeptDatabase[]> {
  const { postgres, restore } = parts.config
  const known = swapsKnown(parts.journal)
  return withSession(postgres, maintenanceDatabase(postgres), options, async session => {
    const rows = await session.query<{ name: string }>(
      'SELECT datname::text AS name FROM pg_catalog.pg_database ORDER BY datname',
    )
    const names = rows.map(row => row.name)
    const found: KeptDatabase[] = []
    for (const database of names) {
      const run = keptRun(database)
      if (run === null) continue
      const swap = known.get(database)
      const live = swap?.live ?? nameBefore(names, database, run)
      const since = swap?.at ?? null
      found.push({
        database,
        run,
        subject: swap?.subject ?? null,
        live,
        liveThere: live !== null && names.includes(live),
        bytes: await databaseBytes(session, database),
        since,
        until: since && new Date(since.getTime() + restore.keepReplacedMs),
      })
    }
    return found.sort((a, b) => (b.since?.getTime() ?? 0) - (a.since?.getTime() ?? 0))
  })
}

interface KnownSwap {
  live: string
  at: Date
  subject: SubjectId | null
}

/** What each kept database was, by its present name. A swap that a crash cut short counts from its repair. */
function swapsKnown(journal: JournalReader): Map<string, KnownSwap> {
  const known = new Map<string, KnownSwap>()
  for (const event of journal.swapEvents()) {
    const { kept, live } = event.facts
    if (event.type === 'swap-step' || kept === null) continue
    known.set(kept, { live, at: new Date(event.at), subject: event.subject })
  }
  return known
}

/** The one database that would be put aside under this very name; null when none or several would. */
function nameBefore(names: readonly string[], database: string, run: RunId): string | null {
  const fits = names.filter(name => keptRun(name) === null && keptName(name, run) === database)
  return fits.length === 1 ? (fits[0] ?? null) : null
}

/** All of them together: they take the server's disk until their days are over. */
export interface PutAside {
  databases: number
  bytes: number
  /** When the first of them is due; null when there is none, or nobody knows. */
  firstUntil: Date | null
}

export function putAsideTotal(kept: readonly KeptDatabase[]): PutAside {
  const days = kept.flatMap(({ until }) => until ?? []).sort((a, b) => a.getTime() - b.getTime())
  const bytes = kept.reduce((sum, one) => sum + one.bytes, 0)
  return { databases: kept.length, bytes, firstUntil: days[0] ?? null }
}
