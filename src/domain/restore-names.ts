// The names of databases that a restore makes: what is being loaded, and what was there before. Pure.
// A name alone tells whose a database is, so that nothing else is ever taken for a tenant, or dropped.
import { parseRunId, type RunId } from './ids.js'

const STAGING = 'restoring_'
const KEPT = '__before_'
const RUN_DIGITS = 12
/** The longest name PostgreSQL keeps, in bytes (NAMEDATALEN - 1). */
const NAME_BYTES = 63

/** Where a run loads and proves, before anything gets its real name. */
export const stagingName = (run: RunId): string => `${STAGING}${run}`

/** The run that loads into this database; null for any other. */
export const stagingRun = (database: string): RunId | null =>
  new RegExp(`^${STAGING}[0-9a-f]{${RUN_DIGITS}}$`).test(database)
    ? parseRunId(database.slice(STAGING.length))
    : null

const SCHEMA_NOTE = 'gmah-backup: its tables go into a schema of '

/**
 * A comment on a staging database: where the run makes a schema of the same name. By number: a restore in place may have put
 * that database aside, and given its name to another, before anybody reads this.
 */
export const schemaNote = (live: string, oid: string): string => `${SCHEMA_NOTE}${live} (${oid})`

/** The number of the database that a staging database's comment tells of; null for any other comment. */
export const notedDatabase = (comment: string | null): string | null =>
  comment?.startsWith(SCHEMA_NOTE) ? (/ \((\d+)\)$/.exec(comment)?.[1] ?? null) : null

/**
 * The comment on a schema that a run makes in a live database, from its first instant until it is proven and gets its name.
 * There a name alone is no proof that it is ours.
 */
export const UNPROVEN_NOTE = 'gmah-backup: being restored, not proven; goes when the run is over'

/** The run that makes this schema; null for any other, and for one that is proven. */
export const unprovenRun = (schema: string, comment: string | null): RunId | null =>
  comment === UNPROVEN_NOTE ? stagingRun(schema) : null

/** What a live database is called once a run has put another in its place. A long name loses its end, never half a letter. */
export function keptName(database: string, run: RunId): string {
  const room = NAME_BYTES - KEPT.length - RUN_DIGITS
  let stem = database
  while (Buffer.byteLength(stem, 'utf8') > room) stem = [...stem].slice(0, -1).join('')
  return `${stem}${KEPT}${run}`
}

/** The run that put this database aside; null for any other. */
export const keptRun = (database: string): RunId | null => {
  const run = new RegExp(`${KEPT}([0-9a-f]{${RUN_DIGITS}})$`).exec(database)?.[1]
  return run === undefined ? null : parseRunId(run)
}
