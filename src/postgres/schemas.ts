// Schemas as wholes: gather everything of a database in one, give it another name, drop it.
// PostgreSQL itself moves each object, by its own id: nothing is ever renamed inside of a text.
import { Failure } from '../domain/errors.js'
import type { Session } from './connection.js'
import { quoteIdentifier, quoteLiteral } from './target.js'

/** The longest name PostgreSQL keeps, in bytes (NAMEDATALEN - 1). */
const NAME_BYTES = 63

/** @throws Failure target-invalid when PostgreSQL would refuse or cut the name. */
export function checkSchemaName(name: string): void {
  const bytes = Buffer.byteLength(name, 'utf8')
  const fits = bytes >= 1 && bytes <= NAME_BYTES && !name.includes('\0') && name.isWellFormed()
  if (fits && !/^pg_/.test(name)) return
  throw new Failure('target-invalid', `not a name for a schema: ${JSON.stringify(name)}`, {
    hint: 'choose a name of 1 to 63 bytes that does not begin with pg_',
  })
}

export const schemaExists = async (session: Session, name: string): Promise<boolean> =>
  (await schemaOid(session, name)) !== null

/** A number that stays with it under any name; null when there is none of the name. */
export async function schemaOid(session: Session, name: string): Promise<string | null> {
  const rows = await session.query<{ oid: string }>(
    'SELECT oid::text AS oid FROM pg_catalog.pg_namespace WHERE nspname = $1',
    [name],
  )
  return rows[0]?.oid ?? null
}

/** What moves by itself: indexes follow their table, and a row type its type; neither is said to be an extension's. */
const RELATIONS = `'r', 'p', 'f', 'v', 'm', 'S'`

/**
 * Parts of something else come with it: members of extensions (e), row and array types (i), sequences of columns (a). The
 * multirange of a range does not.
 */
const MOVABLE = `
  WITH object (classid, objid, home, multirange) AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, oid, relnamespace, false FROM pg_catalog.pg_class WHERE relkind IN (${RELATIONS})
    UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, oid, typnamespace, typtype = 'm' FROM pg_catalog.pg_type
    UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, oid, pronamespace, false FROM pg_catalog.pg_proc
    UNION ALL SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass, oid, collnamespace, false FROM pg_catalog.pg_collation
    UNION ALL SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, oid, oprnamespace, false FROM pg_catalog.pg_operator
    UNION ALL SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, oid, opfnamespace, false FROM pg_catalog.pg_opfamily
    UNION ALL SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, oid, opcnamespace, false FROM pg_catalog.pg_opclass
    UNION ALL SELECT 'pg_catalog.pg_conversion'::pg_catalog.regclass, oid, connamespace, false FROM pg_catalog.pg_conversion
    UNION ALL SELECT 'pg_catalog.pg_ts_config'::pg_catalog.regclass, oid, cfgnamespace, false FROM pg_catalog.pg_ts_config
    UNION ALL SELECT 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, oid, dictnamespace, false FROM pg_catalog.pg_ts_dict
    UNION ALL SELECT 'pg_catalog.pg_ts_parser'::pg_catalog.regclass, oid, prsnamespace, false FROM pg_catalog.pg_ts_parser
    UNION ALL SELECT 'pg_catalog.pg_ts_template'::pg_catalog.regclass, oid, tmplnamespace, false FROM pg_catalog.pg_ts_template
    UNION ALL SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, oid, stxnamespace, false FROM pg_catalog.pg_statistic_ext
  )
  SELECT what.type, what.identity
  FROM object
  JOIN pg_catalog.pg_namespace n ON n.oid = object.home
  CROSS JOIN LATERAL pg_catalog.pg_identify_object(object.classid, object.objid, 0) AS what
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = object.classid AND d.objid = object.objid AND d.objsubid = 0
        AND (d.deptype = 'e' OR (d.deptype = 'i' AND NOT object.multirange) OR (d.deptype = 'a' AND d.refobjsubid > 0 AND what.type = 'sequence')))
  ORDER BY object.multirange DESC`

/** What pg_identify_object calls otherwise than ALTER does. */
const WORDS: Record<string, string> = { 'statistics object': 'statistics', 'composite type': 'type' }

/**
 * Makes a schema with a comment and moves all of the database into it, extensions and what is theirs excepted. All or nothing: statements
 * sent together are one transaction.
 * @throws Failure postgres-failed when two objects of one name come from different schemas.
 */
export async function gatherInto(session: Session, schema: string, comment: string): Promise<void> {
  const objects = await session.query<{ type: string; identity: string }>(MOVABLE)
  const home = quoteIdentifier(schema)
  const moves = objects.map(
    ({ type, identity }) => `ALTER ${WORDS[type] ?? type} ${identity} SET SCHEMA ${home}`,
  )
  const made = [`CREATE SCHEMA ${home}`, `COMMENT ON SCHEMA ${home} IS ${quoteLiteral(comment)}`]
  await session.run([...made, ...moves].join(';\n'))
  const left = await session.query<{ name: string }>(LEFT, [schema])
  if (left.length === 0) return
  // A statement about one of them would, in another database, be about whatever has the name there.
  throw new Failure('unexpected', `these could not be moved: ${left.map(({ name }) => name).join(', ')}`)
}

const LEFT = `
  SELECT c.oid::pg_catalog.regclass::text AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', $1) AND c.relkind IN (${RELATIONS})
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')`

/** Takes its comment away, too, in one transaction. @throws Failure target-exists, postgres-*. */
export async function renameSchema(session: Session, from: string, to: string): Promise<void> {
  checkSchemaName(to)
  const name = quoteIdentifier(to)
  await session.run(
    `ALTER SCHEMA ${quoteIdentifier(from)} RENAME TO ${name};\nCOMMENT ON SCHEMA ${name} IS NULL`,
  )
}

/** All of them, with their comments. */
export const commentedSchemas = (session: Session): Promise<{ name: string; comment: string }[]> =>
  session.query(
    `SELECT nspname::text AS name, comment
     FROM pg_catalog.pg_namespace, pg_catalog.obj_description(oid, 'pg_namespace') AS comment
     WHERE comment IS NOT NULL`,
  )

/** With all that is in it. One that is not there is success. */
export async function dropSchema(session: Session, name: string): Promise<void> {
  await session.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(name)} CASCADE`)
}

/** Event triggers do not fire while a session has this. */
export const NO_TRIGGERS = 'session_replication_role=replica'

export interface Surroundings {
  /** Event triggers are there that would fire: sessions that make something need NO_TRIGGERS. */
  silence: boolean
  /** Why nothing may be made in this database. */
  problems: Failure[]
}

interface Facts {
  superuser: boolean
  always: string[]
  origin: string[]
  publications: string[]
}

/** What in a live database would act on tables that are made in it. Reads only. */
export async function surroundingsOf(session: Session): Promise<Surroundings> {
  const [facts] = await session.query<Facts>(`
    SELECT pg_catalog.current_setting('is_superuser') = 'on' AS superuser,
           ARRAY(SELECT evtname::text FROM pg_catalog.pg_event_trigger WHERE evtenabled IN ('A', 'R') ORDER BY 1) AS always,
           ARRAY(SELECT evtname::text FROM pg_catalog.pg_event_trigger WHERE evtenabled = 'O' ORDER BY 1) AS origin,
           ARRAY(SELECT pubname::text FROM pg_catalog.pg_publication WHERE puballtables ORDER BY 1) AS publications`)
  if (!facts) throw new Failure('postgres-failed', `${session.database} does not say what is in it`)
  const { superuser, always, origin, publications } = facts
  const firing = superuser ? always : [...always, ...origin]
  const where = session.database
  return {
    silence: superuser && origin.length > 0,
    problems: [
      ...(firing.length > 0
        ? [inTheWay(`${where} has event triggers that would fire: ${firing.join(', ')}`)]
        : []),
      ...(publications.length > 0
        ? [inTheWay(`${where} publishes every table there is: ${publications.join(', ')}`)]
        : []),
    ],
  }
}

const inTheWay = (message: string): Failure =>
  new Failure('target-invalid', message, { hint: 'restore the tables beside, with --as <new database>' })

/** By name and schema, as the tables' columns may need them. */
export async function extensionHomes(session: Session): Promise<{ name: string; schema: string }[]> {
  return session.query(
    `SELECT extname::text AS name, nspname::text AS schema
     FROM pg_catalog.pg_extension JOIN pg_catalog.pg_namespace n ON n.oid = extnamespace ORDER BY 1`,
  )
}
