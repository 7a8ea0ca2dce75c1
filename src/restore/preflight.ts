// Everything that would stop a restore, asked before anything is changed on the target server.
import { asFailure, Failure } from '../domain/errors.js'
import type { DumpFacts, Manifest } from '../domain/manifest.js'
import { shellWord } from '../domain/shell-word.js'
import type { Session } from '../postgres/connection.js'
import { databaseExists } from '../postgres/databases.js'
import { missingRoles } from '../postgres/roles.js'
import { checkDatabaseName, quoteIdentifier } from '../postgres/target.js'
import { majorOf } from '../postgres/tools.js'

export interface TargetCheck {
  /** Roles that the backup needs and the target lacks. */
  missingRoles: string[]
  /** Everything that stands in the way, worst first: target-*, privileges-missing, version-too-old, extension-missing, roles-missing. */
  problems: Failure[]
}

/**
 * Asks the target whether this backup can be restored there. Reads only.
 * @param session connected to any database of the target.
 * @param database the new name; null: it takes the place of what is there.
 * @throws Failure usage for a backup of globals; missing roles are a problem only when they may not be created.
 */
export async function examineTarget(
  session: Session,
  manifest: Pick<Manifest, 'dump'>,
  database: string | null,
  options: { withRoles: boolean },
): Promise<TargetCheck> {
  const dump = manifest.dump
  if (!dump)
    throw new Failure(
      'usage',
      'a backup of globals is not a database: export it and run the script with psql',
    )
  const missing = await missingRoles(session, dump.roles)
  const problems = [
    database === null ? null : await nameProblem(session, database),
    await rightProblem(session, dump.database.owner),
    versionProblem(session, dump),
    await extensionProblem(session, dump),
    missing.length > 0 && !options.withRoles ? rolesProblem(missing) : null,
  ]
  return { missingRoles: missing, problems: problems.filter(one => one !== null) }
}

/** The same, refusing. @throws Failure the first of the problems. */
export async function checkTarget(...asked: Parameters<typeof examineTarget>): Promise<TargetCheck> {
  const check = await examineTarget(...asked)
  if (check.problems[0]) throw check.problems[0]
  return check
}

async function nameProblem(session: Session, database: string): Promise<Failure | null> {
  try {
    checkDatabaseName(database)
  } catch (thrown) {
    return asFailure(thrown)
  }
  return (await databaseExists(session, database))
    ? new Failure('target-exists', `there is a database ${database} already`)
    : null
}

/** The least that it takes to make a database for its owner; whoever loads the rest is a superuser as a rule. */
async function rightProblem(session: Session, owner: string): Promise<Failure | null> {
  const [me] = await session.query<{ name: string; enough: boolean }>(
    `SELECT me.rolname::text AS name,
            me.rolsuper OR (me.rolcreatedb AND (o.oid IS NULL OR pg_catalog.pg_has_role(me.oid, o.oid, 'MEMBER'))) AS enough
     FROM pg_catalog.pg_roles me LEFT JOIN pg_catalog.pg_roles o ON o.rolname = $1
     WHERE me.rolname = current_user`,
    [owner],
  )
  if (!me || me.enough) return null
  const alter = (right: string) => shellWord(`ALTER ROLE ${quoteIdentifier(me.name)} ${right}`)
  return new Failure('privileges-missing', `${me.name} may not create a database that belongs to ${owner}`, {
    hint: `lend it the right: \`sudo -u postgres psql -c ${alter('SUPERUSER')}\`, and after the restore \`… ${alter('NOSUPERUSER')}\``,
  })
}

function versionProblem({ server }: Session, dump: DumpFacts): Failure | null {
  const [source, target] = [majorOf(dump.server.versionNum), majorOf(server.versionNum)]
  if (target >= source) return null
  return new Failure('version-too-old', `the backup is of PostgreSQL ${source}, the target is ${target}`)
}

async function extensionProblem(session: Session, dump: DumpFacts): Promise<Failure | null> {
  const rows = await session.query<{ name: string }>('SELECT name FROM pg_catalog.pg_available_extensions')
  const available = new Set(rows.map(row => row.name))
  const missing = dump.extensions.map(extension => extension.name).filter(name => !available.has(name))
  if (missing.length === 0) return null
  return new Failure('extension-missing', `the target lacks the extensions ${missing.join(', ')}`, {
    facts: { missing },
  })
}

const rolesProblem = (missing: string[]): Failure =>
  new Failure('roles-missing', `the target lacks the roles ${missing.join(', ')}`, {
    facts: { missing },
  })
