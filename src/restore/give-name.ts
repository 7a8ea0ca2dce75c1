// The last step of a restore: what is proven gets its name. It is begun once and not cut short; when its answer is lost on
// the way, what is there tells whether it happened.

import { asFailure } from '../domain/errors.js'
import { type Backend, backendOf, endBackend } from '../postgres/backend.js'
import { type Session, withSession } from '../postgres/connection.js'
import { databaseOid, renameDatabase } from '../postgres/databases.js'
import { renameSchema, schemaOid } from '../postgres/schemas.js'
import type { PostgresTarget } from '../postgres/target.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { silently } from './live-schema.js'

/** @throws Failure target-exists, postgres-*: then `from` has the name that it had, or the server is away. */
export function giveDatabaseName(target: PostgresTarget, from: string, to: string): Promise<void> {
  return give(from, to, {
    idOf: databaseOid,
    rename: session => renameDatabase(session, from, to),
    connected: work => withSession(target, maintenanceDatabase(target), {}, work),
  })
}

/** @throws Failure as giveDatabaseName. */
export function giveSchemaName(
  target: PostgresTarget,
  database: string,
  from: string,
  to: string,
): Promise<void> {
  return give(from, to, {
    idOf: schemaOid,
    rename: session => renameSchema(session, from, to),
    connected: work => silently(target, database, undefined, work),
  })
}

interface Naming {
  /** A number that stays with it under any name. */
  idOf(session: Session, name: string): Promise<string | null>
  rename(session: Session): Promise<void>
  connected(work: (session: Session) => Promise<void>): Promise<void>
}

async function give(from: string, to: string, { idOf, rename, connected }: Naming): Promise<void> {
  const begun: { id: string | null; backend: Backend | null } = { id: null, backend: null }
  try {
    await connected(async session => {
      begun.id = await idOf(session, from)
      begun.backend = await backendOf(session)
      await rename(session)
    })
  } catch (thrown) {
    const { id, backend } = begun
    const seen: { id: string | null } = { id: null }
    const look = async (session: Session): Promise<void> => {
      // It may still be at it, without anyone to tell.
      if (backend) await endBackend(session, backend)
      seen.id = await idOf(session, to)
    }
    await connected(look).catch(() => {})
    if (id === null || seen.id !== id) throw asFailure(thrown)
  }
}
