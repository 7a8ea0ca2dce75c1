// Before a dump: may this user read everything that pg_dump is going to read? pg_dump itself finds out one by one, midway.
// Catalogue questions only, one each; no table is touched or locked.
import { Failure } from '../domain/errors.js'
import type { Session } from './connection.js'

export type Obstacle = 'schema' | 'table' | 'sequence' | 'row-security' | 'large-object'

export interface PrivilegeProblem {
  obstacle: Obstacle
  /** The first ten by name. */
  names: string[]
  count: number
}

/** What pg_dump passes over: the system's own, and what an extension made, but for its configuration tables. */
const DUMPED = `
  NOT (n.nspname ~ '^pg_' OR n.nspname = 'information_schema')
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'
      AND NOT c.oid = ANY (COALESCE(e.extconfig, '{}')))`

const RELATIONS = `
  SELECT n.nspname::text AS schema, n.nspname || '.' || c.relname AS name, c.relkind::text AS kind,
         pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usable,
         pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
         pg_catalog.row_security_active(c.oid) AS guarded
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND ${DUMPED}`

/** Unlogged and partitioned tables and each partition are relations of their own: pg_dump locks and reads every one. */
const UNREADABLE = `
  WITH relations AS (${RELATIONS}),
  problems AS (
    SELECT DISTINCT 'schema' AS obstacle, schema AS name FROM relations WHERE NOT usable
    UNION ALL SELECT CASE kind WHEN 'S' THEN 'sequence' ELSE 'table' END, name FROM relations WHERE NOT readable
    UNION ALL SELECT 'row-security', name FROM relations WHERE guarded)`

/** Large objects have a question of their own only since 18; before, their access list is read here, and being a superuser, lo_compat_privileges or the owner is enough. */
const largeObjects = (versionNum: number): string => `
  WITH problems AS (
    SELECT 'large-object' AS obstacle, m.oid::text AS name FROM pg_catalog.pg_largeobject_metadata m
    WHERE ${
      versionNum >= 180_000
        ? `NOT pg_catalog.has_largeobject_privilege(m.oid, 'SELECT')`
        : `NOT (pg_catalog.current_setting('is_superuser')::bool
                OR pg_catalog.current_setting('lo_compat_privileges')::bool
                OR pg_catalog.pg_has_role(m.lomowner, 'USAGE')
                OR EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT'
                           AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE'))))`
    })`

const REPORT = `
  SELECT obstacle, pg_catalog.count(*)::int AS count,
         (pg_catalog.array_agg(name ORDER BY name))[1:10] AS names
  FROM problems GROUP BY obstacle ORDER BY obstacle`

/** What would make pg_dump of the session's database fail for want of rights; empty when nothing would. */
export async function privilegeProblems(session: Session): Promise<PrivilegeProblem[]> {
  return [
    ...(await session.query<PrivilegeProblem>(`${UNREADABLE} ${REPORT}`)),
    ...(await session.query<PrivilegeProblem>(`${largeObjects(session.server.versionNum)} ${REPORT}`)),
  ]
}

/** @throws Failure privileges-missing that names the first of each kind; `facts.problems` has them all. */
export async function assertReadable(session: Session): Promise<void> {
  const problems = await privilegeProblems(session)
  if (problems.length === 0) return
  throw new Failure(
    'privileges-missing',
    `cannot dump ${JSON.stringify(session.database)}: ${problems.map(describe).join('; ')}`,
    { facts: { problems }, ...hintFor(problems) },
  )
}

/** Before 18 no membership but the owners' opens large objects. */
function hintFor(problems: readonly PrivilegeProblem[]): { hint?: string } {
  if (!problems.some(one => one.obstacle === 'large-object')) return {}
  return { hint: "make the backup user a member of the large objects' owners, besides pg_read_all_data" }
}

const WORDS: Record<Obstacle, string> = {
  schema: 'no right to use schema',
  table: 'no right to read table',
  sequence: 'no right to read sequence',
  'row-security': 'row security hides rows of',
  'large-object': 'no right to read large object',
}

function describe({ obstacle, names, count }: PrivilegeProblem): string {
  const more = count > names.length ? ` and ${count - names.length} more` : ''
  return `${WORDS[obstacle]} ${names.join(', ')}${more}`
}
