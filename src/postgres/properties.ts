// What belongs to a database but is not in its dump: owner, locale, rights, settings, comment; and its extensions and roles.
// Whole catalogue rows are read as JSON, so that the columns of PostgreSQL 12 to 18 need no query each.
import { Failure } from '../domain/errors.js'
import type { DatabaseProperties, DumpFacts } from '../domain/manifest.js'
import type { Session } from './connection.js'

export type Extension = DumpFacts['extensions'][number]

interface Row {
  /** The row of pg_database: datlocprovider since 15, daticulocale in 15 and 16, datlocale since 17, daticurules since 16. */
  row: Record<string, unknown> & {
    datname: string
    datcollate: string
    datctype: string
    datconnlimit: number
  }
  owner: string
  encoding: string
  tablespace: string
  acl: string[] | null
  comment: string | null
}

const PROPERTIES = `
  SELECT pg_catalog.to_jsonb(d) AS row, pg_catalog.pg_get_userbyid(d.datdba)::text AS owner,
         pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding, t.spcname::text AS tablespace,
         d.datacl::text[] AS acl, pg_catalog.shobj_description(d.oid, 'pg_database') AS comment
  FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
  WHERE d.datname = $1`

const SETTINGS = `
  SELECT r.rolname::text AS role, pg_catalog.unnest(s.setconfig) AS setting
  FROM pg_catalog.pg_db_role_setting s
  JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  WHERE d.datname = $1 ORDER BY r.rolname NULLS FIRST, 2`

/** The properties of any database of the session's server. @throws Failure postgres-denied when there is no such database. */
export async function readProperties(session: Session, database: string): Promise<DatabaseProperties> {
  const [found] = await session.query<Row>(PROPERTIES, [database])
  if (!found) throw new Failure('postgres-denied', `there is no database ${JSON.stringify(database)}`)
  const { row } = found
  return {
    name: row.datname,
    owner: found.owner,
    encoding: found.encoding,
    localeProvider: providerOf(row.datlocprovider),
    collate: row.datcollate,
    ctype: row.datctype,
    locale: textOrNull(row.datlocale ?? row.daticulocale),
    icuRules: textOrNull(row.daticurules),
    tablespace: found.tablespace,
    connectionLimit: row.datconnlimit,
    acl: found.acl,
    comment: found.comment,
    settings: await session.query<DatabaseProperties['settings'][number]>(SETTINGS, [database]),
  }
}

/** The extensions of the session's own database, by name. */
export function readExtensions(session: Session): Promise<Extension[]> {
  return session.query<Extension>(`
    SELECT e.extname::text AS name, e.extversion AS version, n.nspname::text AS schema
    FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace ORDER BY 1`)
}

/** Roles that own or may use something in the session's own database, or the database itself, by name. */
export async function readRoles(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(ROLES)
  return rows.map(row => row.name)
}

/** The bootstrap superuser is pinned and has no rows in pg_shdepend: its objects are looked up, an extension's own left out. */
const ROLES = `
  WITH here AS (SELECT oid, datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
  owned AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS class, oid, relowner AS role FROM pg_catalog.pg_class
    UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, oid, proowner FROM pg_catalog.pg_proc
    UNION ALL SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, oid, nspowner FROM pg_catalog.pg_namespace),
  used AS (
    SELECT s.refobjid AS role FROM pg_catalog.pg_shdepend s, here
    WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
      AND (s.dbid = here.oid OR (s.classid = 'pg_catalog.pg_database'::pg_catalog.regclass AND s.objid = here.oid))
    UNION SELECT datdba FROM here
    UNION SELECT setrole FROM pg_catalog.pg_db_role_setting s, here WHERE s.setdatabase = here.oid
    UNION SELECT role FROM owned WHERE oid >= 16384 AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = owned.class AND d.objid = owned.oid AND d.deptype = 'e'))
  SELECT r.rolname::text AS name FROM pg_catalog.pg_roles r JOIN used ON used.role = r.oid ORDER BY 1`

function providerOf(letter: unknown): DatabaseProperties['localeProvider'] {
  if (letter === 'i') return 'icu'
  return letter === 'b' ? 'builtin' : 'libc'
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null)
