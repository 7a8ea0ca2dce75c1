// What was written since a backup: how long ago it was made, what the server wrote since, which tables have other rows now.
import type { DumpFacts, Manifest } from '../domain/manifest.js'
import { type Session, withSession } from '../postgres/connection.js'
import { rowEstimates, walSince } from '../postgres/occupancy.js'
import type { Parts } from './parts.js'
import { type PlannedPart, secondsBetween, type Younger } from './restore-plan.js'

const TABLES_TOLD = 50

export interface Compared {
  dump: DumpFacts
  /** Only these tables are told of; null: all. */
  part: PlannedPart | null
  /** The database as it is now; null when it is gone. */
  live: string | null
  signal: AbortSignal
}

/** Reads only. @throws Failure postgres-*. */
export async function youngerThan(
  parts: Parts,
  session: Session,
  { instant }: Manifest,
  { dump, part, live, signal }: Compared,
): Promise<Younger> {
  const { lsn } = dump.server
  return {
    seconds: secondsBetween(instant, parts.clock.now()),
    walBytes: lsn === null ? null : await walSince(session, lsn),
    tables: live === null ? null : await changedTables(parts, live, part?.tables ?? null, dump, signal),
  }
}

/** A damaged database may refuse to be asked; that must not keep anyone from restoring it. */
async function changedTables(
  { config }: Parts,
  live: string,
  asked: PlannedPart['tables'] | null,
  dump: DumpFacts,
  signal: AbortSignal,
): Promise<Younger['tables']> {
  const estimates = await withSession(config.postgres, live, { signal }, rowEstimates).catch(thrown => {
    if (signal.aborted) throw thrown
    return null
  })
  if (estimates === null) return null
  const changed = compareRows(dump.tables, estimates)
  const named = new Set(asked?.map(keyOf))
  return (asked ? changed.filter(one => named.has(keyOf(one))) : changed).slice(0, TABLES_TOLD)
}

const keyOf = (one: { schema: string; name: string }): string => JSON.stringify([one.schema, one.name])

type Rows = readonly { schema: string; name: string; rows: number | null }[]

/** Tables that are on one side only, or have another number of rows there; of what nobody counted, nothing is said. */
function compareRows(before: Rows, now: Rows): NonNullable<Younger['tables']> {
  const [then, later] = [
    new Map(before.map(one => [keyOf(one), one])),
    new Map(now.map(one => [keyOf(one), one])),
  ]
  return [...new Map([...then, ...later])]
    .map(([key, { schema, name }]) => ({
      schema,
      name,
      backup: then.get(key)?.rows ?? null,
      now: later.get(key)?.rows ?? null,
    }))
    .filter(one => one.backup !== one.now && later.get(keyOf(one))?.rows !== null)
}
