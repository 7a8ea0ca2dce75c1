// Everything that would stop a restore, asked before anything is changed on the target server.
import type { Client } from 'pg'
import { Failure } from '../domain/errors.js'
import type { DumpFacts, Manifest } from '../domain/manifest.js'
import { databaseExists } from '../postgres/databases.js'
import { missingRoles } from '../postgres/globals.js'

const NAME_BYTES_MAX = 63

export interface RestorePlan {
  /** Roles that the backup needs and the target lacks. */
  missingRoles: string[]
}

/**
 * Asks the target whether this backup can be restored there as `database`.
 * @param client connected to any database of the target.
 * @throws Failure target-invalid, target-exists, version-too-old, extension-missing; roles only when they may not be created.
 */
export async function checkTarget(
  client: Client,
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
  const bytes = Buffer.byteLength(database)
  if (bytes === 0 || bytes > NAME_BYTES_MAX || database.includes('\0')) {
    throw new Failure('target-invalid', `${JSON.stringify(database)} cannot name a database`)
  }
  if (await databaseExists(client, database))
    throw new Failure('target-exists', `there is a database ${database} already`)
  await checkVersion(client, dump)
  await checkExtensions(client, dump)
  const missing = await missingRoles(client, dump.roles)
  if (missing.length > 0 && !options.withRoles) {
    throw new Failure('roles-missing', `the target lacks ${missing.length} roles: ${missing.join(', ')}`, {
      facts: { missing },
    })
  }
  return { missingRoles: missing }
}

async function checkVersion(client: Client, dump: DumpFacts): Promise<void> {
  const { rows } = await client.query<{ num: string }>("SELECT current_setting('server_version_num') AS num")
  const target = Math.floor(Number(rows[0]?.num) / 10000)
  const source = Math.floor(dump.server.versionNum / 10000)
  if (target < source) {
    throw new Failure('version-too-old', `the backup is of PostgreSQL ${source}, the target is ${target}`)
  }
}

async function checkExtensions(client: Client, dump: DumpFacts): Promise<void> {
  const { rows } = await client.query<{ name: string }>('SELECT name FROM pg_available_extensions')
  const available = new Set(rows.map(row => row.name))
  const missing = dump.extensions.map(extension => extension.name).filter(name => !available.has(name))
  if (missing.length > 0) {
    throw new Failure('extension-missing', `the target lacks the extensions ${missing.join(', ')}`, {
      facts: { missing },
    })
  }
}
