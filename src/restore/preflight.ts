// Everything that would stop a restore, asked before anything is changed on the target server.
import { Failure } from '../domain/errors.js'
import type { DumpFacts, Manifest } from '../domain/manifest.js'
import type { Session } from '../postgres/connection.js'
import { databaseExists } from '../postgres/databases.js'
import { missingRoles } from '../postgres/roles.js'
import { checkDatabaseName } from '../postgres/target.js'
import { majorOf } from '../postgres/tools.js'

export interface RestorePlan {
  /** Roles that the backup needs and the target lacks. */
  missingRoles: string[]
}

/**
 * Asks the target whether this backup can be restored there as `database`.
 * @param session connected to any database of the target.
 * @throws Failure target-invalid, target-exists, version-too-old, extension-missing; roles only when they may not be created.
 */
export async function checkTarget(
  session: Session,
  manifest: Manifest,
  database: string,
  options: { withRoles: boolean },
): Promise<RestorePlan> {
  const dump = manifest.dump
  if (!dump)
    throw new Failure(
      'usage',
      'a backup of globals is not a database: export it and run the script with psql',
    )
  checkDatabaseName(database)
  if (await databaseExists(session, database))
    throw new Failure('target-exists', `there is a database ${database} already`)
  checkVersion(session, dump)
  await checkExtensions(session, dump)
  const missing = await missingRoles(session, dump.roles)
  if (missing.length > 0 && !options.withRoles) {
    throw new Failure('roles-missing', `the target lacks ${missing.length} roles: ${missing.join(', ')}`, {
      facts: { missing },
    })
  }
  return { missingRoles: missing }
}

function checkVersion({ server }: Session, dump: DumpFacts): void {
  const [source, target] = [majorOf(dump.server.versionNum), majorOf(server.versionNum)]
  if (target < source) {
    throw new Failure('version-too-old', `the backup is of PostgreSQL ${source}, the target is ${target}`)
  }
}

async function checkExtensions(session: Session, dump: DumpFacts): Promise<void> {
  const rows = await session.query<{ name: string }>('SELECT name FROM pg_catalog.pg_available_extensions')
  const available = new Set(rows.map(row => row.name))
  const missing = dump.extensions.map(extension => extension.name).filter(name => !available.has(name))
  if (missing.length > 0) {
    throw new Failure('extension-missing', `the target lacks the extensions ${missing.join(', ')}`, {
      facts: { missing },
    })
  }
}
