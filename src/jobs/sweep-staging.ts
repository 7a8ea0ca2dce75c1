// Drops what restores that died left on the server: databases, and schemas in live ones, named after runs that no process
// works on any more.
import type { RunId } from '../domain/ids.js'
import { notedDatabase, stagingRun } from '../domain/restore-names.js'
import { withSession } from '../postgres/connection.js'
import { dropDatabase } from '../postgres/databases.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { dropUnprovenSchema } from '../restore/live-schema.js'
import type { Parts } from './parts.js'

/** @param isOver tells of a run whether the journal knows it as ended; a run it does not know is another machine's. */
export function sweepStaging(parts: Parts, isOver: (run: RunId) => boolean): Promise<string[]> {
  const { postgres } = parts.config
  return withSession(postgres, maintenanceDatabase(postgres), {}, async session => {
    const rows = await session.query<{ name: string; comment: string | null }>(
      `SELECT datname::text AS name, pg_catalog.shobj_description(oid, 'pg_database') AS comment
       FROM pg_catalog.pg_database`,
    )
    const strays = rows.filter(({ name }) => {
      const run = stagingRun(name)
      return run !== null && isOver(run)
    })
    const failed: unknown[] = []
    for (const { name, comment } of strays) {
      const live = notedDatabase(comment)
      try {
        // It goes first: the note is on the database.
        if (live !== null && rows.some(row => row.name === live))
          await dropUnprovenSchema(postgres, live, name)
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
