// A swap that was cut short, put right by looking at what is there: two renames in one transaction leave only two cases.
import type { SwapFacts } from '../domain/restore-events.js'
import type { Session } from '../postgres/connection.js'
import { allowConnections, databaseExists, renameDatabase } from '../postgres/databases.js'

/**
 * Makes the database that has the tenant's name take connections again, whichever of the two it is. Idempotent.
 * @returns which one it is.
 */
export async function settleSwap(
  session: Session,
  { live, incoming, kept }: SwapFacts,
): Promise<'swapped' | 'as-before'> {
  const keptThere = kept !== null && (await databaseExists(session, kept))
  const liveThere = await databaseExists(session, live)
  // Not by us, whose renames go together; but a tenant without its database is the one thing not to leave.
  const broughtBack = keptThere && !liveThere
  if (broughtBack) await renameDatabase(session, kept, live)
  else if (!liveThere) return 'as-before'
  await allowConnections(session, live, true)
  if (broughtBack) return 'as-before'
  const incomingThere = await databaseExists(session, incoming)
  return incomingThere || (kept !== null && !keptThere) ? 'as-before' : 'swapped'
}
