// Drops what restores that died left on the server: databases, and schemas in live ones, named after runs that no process
// works on any more. A schema is found by the note on the run's database, and by its own where that database is gone.
import type { PostgresConfig } from '../domain/configuration.js'
import type { RunId } from '../domain/ids.js'
import { notedDatabase, stagingRun, unprovenRun } from '../domain/restore-names.js'
import type { SubjectId } from '../domain/subject.js'
import { type Session, withSession } from '../postgres/connection.js'
import { allowConnections, dropDatabase } from '../postgres/databases.js'
import { discover } from '../postgres/discover.js'
import { commentedSchemas } from '../postgres/schemas.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { dropUnprovenSchema } from '../restore/live-schema.js'
import type { Parts } from './parts.js'

interface Stray {
  oid: string
  name: string
  /** Takes connections. */
  open: boolean
}

/** @param isOver tells of a run whether the journal knows it as ended; a run it does not know is another machine's. */
export function sweepStaging(parts: Parts, isOver: (run: RunId) => boolean): Promise<string[]> {
  const { postgres } = parts.config
  return withSession(postgres, maintenanceDatabase(postgres), {}, async session => {
    const rows = await session.query<Stray & { comment: string | null }>(
      `SELECT oid::text AS oid, datname::text AS name, datallowconn AS open, pg_catalog.shobj_description(oid, 'pg_database') AS comment
       FROM pg_catalog.pg_database`,
    )
    const strays = rows.filter(({ name }) => {
      const run = stagingRun(name)
      return run !== null && isOver(run)
    })
    const failed: unknown[] = []
    for (const { name, comment } of strays) {
      const home = rows.find(row => row.oid === notedDatabase(comment))
      try {
        // It goes first: the note is on the database.
        if (home) await dropSchemaIn(postgres, session, home, name)
        await dropDatabase(session, name, { force: true })
      } catch (thrown) {
        // One that cannot go keeps none of the others, which may fill the disk.
        failed.push(thrown)
      }
    }
    if (failed.length > 0) throw failed[0]
    return strays.map(({ name }) => name)
  })
}

/**
 * Schemas that are not proven and carry their note, in the databases of `suspects`: of hundreds of tenants, a start connects
 * to those alone in which a restore went wrong.
 * @param isOver as of sweepStaging, which goes first: it knows where to look.
 */
export async function sweepSchemas(
  parts: Parts,
  isOver: (run: RunId) => boolean,
  suspects: ReadonlySet<SubjectId | null>,
): Promise<string[]> {
  if (suspects.size === 0) return []
  const { postgres } = parts.config
  const { pattern } = postgres.tenants
  const { subjects } = await discover(postgres, { pattern, master: postgres.master })
  const dropped: string[] = []
  const failed: unknown[] = []
  for (const subject of subjects) {
    if (subject.kind === 'globals' || !suspects.has(subject.id)) continue
    const { database } = subject
    try {
      const found = await withSession(postgres, database, {}, commentedSchemas)
      for (const { name, comment } of found) {
        const run = unprovenRun(name, comment)
        if (run === null || !isOver(run)) continue
        await dropUnprovenSchema(postgres, database, name)
        dropped.push(`${database}, schema ${name}`)
      }
    } catch (thrown) {
      failed.push(thrown)
    }
  }
  if (failed.length > 0) throw failed[0]
  return dropped
}

/** What a restore in place has put aside since takes no connections: it is opened for this alone. */
async function dropSchemaIn(
  postgres: PostgresConfig,
  session: Session,
  { name, open }: Stray,
  schema: string,
): Promise<void> {
  if (open) return dropUnprovenSchema(postgres, name, schema)
  await allowConnections(session, name, true)
  try {
    await dropUnprovenSchema(postgres, name, schema)
  } finally {
    await allowConnections(session, name, false)
  }
}
