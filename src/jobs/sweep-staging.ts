// Drops what restores that died left on the server: databases named after runs that no process works on any more.
import type { RunId } from '../domain/ids.js'
import { stagingRun } from '../domain/restore-names.js'
import { withSession } from '../postgres/connection.js'
import { dropDatabase } from '../postgres/databases.js'
import { maintenanceDatabase } from '../postgres/target.js'
import type { Parts } from './parts.js'

/** @param isOver tells of a run whether the journal knows it as ended; a run it does not know is another machine's. */
export function sweepStaging(parts: Parts, isOver: (run: RunId) => boolean): Promise<string[]> {
  const { postgres } = parts.config
  return withSession(postgres, maintenanceDatabase(postgres), {}, async session => {
    const rows = await session.query<{ name: string }>(
      'SELECT datname::text AS name FROM pg_catalog.pg_database',
    )
    const strays = rows
      .map(row => row.name)
      .filter(name => {
        const run = stagingRun(name)
        return run !== null && isOver(run)
      })
    for (const name of strays) await dropDatabase(session, name, { force: true })
    return strays
  })
}
