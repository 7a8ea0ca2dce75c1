// Roles that a restore needs: which are missing, and making them from a globals script.
// Only what is asked for and what that is a member of; a role that is there is never touched.
import { Failure } from '../domain/errors.js'
import type { DatabaseProperties } from '../domain/manifest.js'
import { parseAclItem } from './acl.js'
import type { Session } from './connection.js'
import { parseGlobals, type Role } from './globals.js'

/** Those of `names` that are not on the server, in their order. */
export async function missingRoles(session: Session, names: readonly string[]): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    'SELECT rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname = ANY($1::text[])',
    [names],
  )
  const there = new Set(rows.map(row => row.name))
  return [...new Set(names)].filter(name => !there.has(name))
}

/** Every role that a database's properties name. */
export function rolesOfProperties(properties: DatabaseProperties): string[] {
  const fromAcl = (properties.acl ?? []).map(parseAclItem).flatMap(grant => [grant.grantee, grant.grantor])
  const fromSettings = properties.settings.map(one => one.role)
  return [...new Set([properties.owner, ...fromAcl, ...fromSettings])].filter(name => name !== null)
}

/** @throws Failure roles-missing that names them. */
export async function assertRoles(session: Session, names: readonly string[]): Promise<void> {
  const missing = await missingRoles(session, names)
  if (missing.length === 0) return
  throw new Failure('roles-missing', `roles are not on the server: ${missing.join(', ')}`, {
    facts: { roles: missing },
  })
}

/**
 * Makes those of `names` that are missing, and the roles they are members of, as the script says. All or none; idempotent.
 * @returns the roles that were made.
 * @throws Failure roles-missing when the script does not know one that is needed; postgres-*.
 */
export async function createRoles(
  session: Session,
  globalsScript: string,
  names: readonly string[],
): Promise<string[]> {
  const known = parseGlobals(globalsScript)
  const missing = await missingRoles(session, withGroups(known, names))
  const unknown = missing.filter(name => !known.has(name))
  if (unknown.length > 0) {
    throw new Failure('roles-missing', `the globals backup does not know ${unknown.join(', ')}`, {
      facts: { roles: unknown },
    })
  }
  const roles = missing.flatMap(name => known.get(name) ?? [])
  const statements = [
    ...roles.flatMap(role => role.statements),
    ...roles.flatMap(role => role.memberships.map(one => one.statement)),
  ]
  // Statements sent together are one transaction: either all of it or nothing.
  if (statements.length > 0) await session.run(statements.join(';\n'))
  return missing
}

/** The part of a globals script that makes `names` and the roles they are members of, as a script for psql. */
export function neededRoles(globalsScript: string, names: readonly string[]): string {
  const known = parseGlobals(globalsScript)
  const needed = withGroups(known, names)
  const roles = needed.flatMap(name => known.get(name) ?? [])
  // Predefined roles are on every server.
  const unknown = needed.filter(name => !known.has(name) && !name.startsWith('pg_'))
  const statements = [
    ...roles.flatMap(role => role.statements),
    ...roles.flatMap(role => role.memberships.map(one => one.statement)),
  ]
  return [
    '-- Roles that the database needs. A role that is there already is said to be, and is left as it is.',
    ...unknown.map(name => `-- not in the backup of the roles: ${JSON.stringify(name)}`),
    ...statements.map(statement => `${statement};`),
    '',
  ].join('\n')
}

/** The names and every role they are members of, near or far. */
function withGroups(known: ReadonlyMap<string, Role>, names: readonly string[]): string[] {
  const all = new Set(names)
  for (const name of all) for (const one of known.get(name)?.memberships ?? []) all.add(one.of)
  return [...all]
}
