// A database's access list: aclitem text to GRANT statements. Pure.
// Source: PostgreSQL manual, "Privileges" (letters), and src/backend/utils/adt/acl.c, putid/getid (quoting).
import { Failure } from '../domain/errors.js'
import { quoteIdentifier } from './target.js'

export interface Grant {
  /** Null: PUBLIC. */
  grantee: string | null
  grantor: string
  privileges: { name: string; grantable: boolean }[]
}

const DATABASE_PRIVILEGES: Record<string, string> = { C: 'CREATE', T: 'TEMPORARY', c: 'CONNECT' }

/** A role as it stands in an aclitem: bare, or in quotes with quotes doubled. */
const ROLE = /(?:"((?:[^"]|"")*)"|([^"=/]*))/.source
const ITEM = new RegExp(`^${ROLE}=([a-zA-Z*]*)/${ROLE}$`, 's')

/** `"the app"=C*Tc/owner`. @throws Failure manifest-invalid for anything that is not an aclitem of a database. */
export function parseAclItem(item: string): Grant {
  const parts = ITEM.exec(item)
  const grantor = parts && roleOf(parts[4], parts[5])
  if (!parts || !grantor) throw new Failure('manifest-invalid', `not an access list entry: ${item}`)
  const privileges = [...(parts[3] ?? '').matchAll(/([a-zA-Z])(\*?)/g)].map(([, letter = '', star]) => {
    const name = DATABASE_PRIVILEGES[letter]
    if (!name) throw new Failure('manifest-invalid', `not a privilege on a database: ${letter} in ${item}`)
    return { name, grantable: star === '*' }
  })
  return { grantee: roleOf(parts[1], parts[2]) || null, grantor, privileges }
}

const roleOf = (quoted: string | undefined, bare: string | undefined): string =>
  quoted === undefined ? (bare ?? '') : quoted.replaceAll('""', '"')

/**
 * Statements that leave the database with exactly these rights, run as `owner` or a superuser, in a transaction.
 * @param current what the database has now; null is PostgreSQL's default (everything to the owner, connect and temporary to all).
 */
export function aclStatements(
  database: string,
  owner: string,
  wanted: readonly string[] | null,
  current: readonly string[] | null,
): string[] {
  if (wanted === null && current === null) return []
  const on = `ON DATABASE ${quoteIdentifier(database)}`
  const holders = new Set([null, owner, ...(current ?? []).map(item => parseAclItem(item).grantee)])
  const grants = wanted === null ? defaultGrants(owner) : wanted.map(parseAclItem)
  // The owner's own come first: who was given a right with grant option may then pass it on.
  const ordered = [...grants].sort((a, b) => Number(a.grantor !== owner) - Number(b.grantor !== owner))
  return [
    ...[...holders].map(holder => `REVOKE ALL ${on} FROM ${roleName(holder)} CASCADE`),
    ...ordered.flatMap(grant => grantStatements(grant, owner, on)),
  ]
}

function grantStatements(grant: Grant, owner: string, on: string): string[] {
  const statements = [false, true].flatMap(grantable => {
    const names = grant.privileges.filter(one => one.grantable === grantable).map(one => one.name)
    const option = grantable ? ' WITH GRANT OPTION' : ''
    return names.length === 0
      ? []
      : [`GRANT ${names.join(', ')} ${on} TO ${roleName(grant.grantee)}${option}`]
  })
  if (grant.grantor === owner || statements.length === 0) return statements
  return [`SET LOCAL ROLE ${quoteIdentifier(grant.grantor)}`, ...statements, 'RESET ROLE']
}

const all = (names: string[]) => names.map(name => ({ name, grantable: false }))
const defaultGrants = (owner: string): Grant[] => [
  { grantee: null, grantor: owner, privileges: all(['CONNECT', 'TEMPORARY']) },
  { grantee: owner, grantor: owner, privileges: all(['CREATE', 'CONNECT', 'TEMPORARY']) },
]

const roleName = (role: string | null): string => (role === null ? 'PUBLIC' : quoteIdentifier(role))
