// Drops what restores that died left on the server: databases named after runs that no process works on any more.
import type { RunId } from '../domain/ids.js'
import { connect } from '../postgres/connection.js'
import { dropDatabase } from '../postgres/databases.js'
import type { Parts } from './parts.js'

export const stagingName = (run: RunId): string => `restoring_${run}`

/** @param isOver tells of a run whether the journal knows it as ended; a run it does not know is another machine's. */
export async function sweepStaging(parts: Parts, isOver: (run: RunId) => boolean): Promise<string[]> {
  const { postgres } = parts.config
  const client = await connect(postgres, postgres.master, {})
  try {
    const { rows } = await client.query<{ name: string }>(
      "SELECT datname AS name FROM pg_database WHERE datname ~ '^restoring_[0-9a-f]{12}$'",
    )
    const strays = rows.map(row => row.name).filter(name => isOver(name.slice('restoring_'.length) as RunId))
    for (const name of strays) await dropDatabase(client, name, { force: true })
    return strays
  } finally {
    await client.end()
  }
}
