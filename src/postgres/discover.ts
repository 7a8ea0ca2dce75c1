// What there is to back up on a server: the master, every tenant's database by the name rule, and the globals.
// Nothing is left out in silence: each database is a subject or is skipped with a reason.
import { Failure } from '../domain/errors.js'
import { keptRun, stagingRun } from '../domain/restore-names.js'
import { globalsSubject, masterSubject, type Subject, tenantSubject } from '../domain/subject.js'
import { type ServerVersion, withSession } from './connection.js'
import { compareLists, type Drift, type TenantRow } from './drift.js'
import { maintenanceDatabase, type PostgresTarget } from './target.js'
import type { ConnectOptions } from './wire.js'

export interface DiscoveryRule {
  /** Must match the whole name; its group `tenant` is the tenant's name. */
  pattern: RegExp
  /** The platform's own database; null: it has none. */
  master: string | null
  /** SQL on the master that yields `tenant` (or `id`), `database` and perhaps `status`; null: names alone decide. */
  query?: string | null
  /** Statuses of tenants that need no database any more. */
  inactive?: readonly string[]
}

export interface Discovery {
  server: ServerVersion
  /** Globals, master, then the tenants by database name. */
  subjects: Subject[]
  skipped: { database: string; reason: string }[]
  drift: Drift[]
  /** What kept the lists from being compared; the subjects are complete all the same. */
  problems: Failure[]
  /** Every database that is there. */
  databases: string[]
}

interface DatabaseRow {
  name: string
  template: boolean
  connections: boolean
  limit: number
}

const QUERY_TIMEOUT = '60s'
const DEFAULT_INACTIVE = ['deleted', 'archived', 'closed']

/** -2 stands for a database whose DROP was interrupted (DATCONNLIMIT_INVALID_DB, since 11.21, 12.16, 13.12, 14.9, 15.4). */
const DATABASES = `
  SELECT datname::text AS name, datistemplate AS template, datallowconn AS connections, datconnlimit AS limit
  FROM pg_catalog.pg_database ORDER BY datname::text COLLATE "C"`

/** @throws Failure config-invalid (the rule), postgres-*, pooler-in-path; the signal's reason. */
export async function discover(
  target: PostgresTarget,
  rule: DiscoveryRule,
  options: ConnectOptions = {},
): Promise<Discovery> {
  const match = tenantMatcher(rule.pattern)
  const { server, rows } = await withSession(target, maintenanceDatabase(target), options, async session => ({
    server: session.server,
    rows: await session.query<DatabaseRow>(DATABASES),
  }))
  const sorted = sortOut(rows, rule, match)
  const found = { server, databases: rows.map(row => row.name), drift: [], problems: [], ...sorted }
  if (rule.master === null) return found
  if (!found.subjects.some(subject => subject.kind === 'master')) {
    return { ...found, problems: [masterMissing(rule.master)] }
  }
  if (!rule.query) return found
  return { ...found, ...(await compare(target, rule.master, rule, found, options)) }
}

function sortOut(rows: DatabaseRow[], rule: DiscoveryRule, match: (name: string) => string | null) {
  const subjects: Subject[] = []
  const skipped: Discovery['skipped'] = []
  const owners = new Map<string, string>()
  for (const row of rows) {
    const reason = madeByRestore(row.name) ?? cannotBeDumped(row)
    const tenant = match(row.name)
    if (reason !== null) skipped.push({ database: row.name, reason })
    else if (row.name === rule.master) subjects.unshift(masterSubject(row.name))
    else if (!tenant) skipped.push({ database: row.name, reason: 'matches no rule' })
    else {
      const subject = tenantSubject(tenant, row.name)
      refuseTwins(owners.get(subject.id), row.name, tenant)
      owners.set(subject.id, row.name)
      subjects.push(subject)
    }
  }
  return { subjects: [globalsSubject(), ...subjects], skipped }
}

/** By its name alone: the rule for tenants may well match it. */
function madeByRestore(name: string): string | null {
  if (stagingRun(name) !== null) return 'is being restored'
  const run = keptRun(name)
  return run === null ? null : `was put aside by the restore of run ${run}`
}

function cannotBeDumped(row: DatabaseRow): string | null {
  if (row.template) return 'is a template'
  if (row.limit === -2) return 'is invalid: dropping it was interrupted'
  return row.connections ? null : 'refuses connections'
}

function refuseTwins(other: string | undefined, database: string, tenant: string): void {
  if (other === undefined) return
  const [one, two] = [JSON.stringify(other), JSON.stringify(database)]
  throw new Failure(
    'config-invalid',
    `databases ${one} and ${two} are both tenant ${JSON.stringify(tenant)}`,
    {
      hint: 'make the pattern of postgres.tenants tell them apart',
      facts: { databases: [other, database] },
    },
  )
}

/** A flag of the operator's may be `i` or `u`; `s` lets `.` match a line break, which a name may hold. */
function tenantMatcher(pattern: RegExp): (name: string) => string | null {
  if (!/\(\?<tenant>/.test(pattern.source)) {
    throw new Failure('config-invalid', `the pattern ${pattern.source} has no group (?<tenant>…)`)
  }
  const flags = [...new Set(`${pattern.flags.replace(/[gy]/g, '')}s`)].join('')
  const whole = new RegExp(`^(?:${pattern.source})$`, flags)
  return name => whole.exec(name)?.groups?.tenant ?? null
}

const masterMissing = (name: string): Failure =>
  new Failure('postgres-denied', `there is no database ${JSON.stringify(name)}, or it cannot be dumped`, {
    hint: 'put the name of the database of the organisations into postgres.master',
  })

/** The tenants' names come from the rule alone, so a query that fails or changes its mind never moves a backup. */
async function compare(
  target: PostgresTarget,
  master: string,
  rule: DiscoveryRule,
  found: Pick<Discovery, 'databases' | 'subjects' | 'skipped'>,
  options: ConnectOptions,
): Promise<{ drift: Drift[]; problems: Failure[] }> {
  const tenants = found.subjects.flatMap(one => (one.kind === 'tenant' ? [one.database] : []))
  try {
    const rows = await askMaster(target, master, rule.query ?? '', options)
    const skipped = new Map(found.skipped.map(one => [one.database, one.reason]))
    const databases = { present: new Set(found.databases), tenants: new Set(tenants), skipped }
    return { drift: compareLists(rows, databases, rule.inactive ?? DEFAULT_INACTIVE), problems: [] }
  } catch (error) {
    if (!(error instanceof Failure) || options.signal?.aborted) throw error
    return { drift: [], problems: [error] }
  }
}

async function askMaster(
  target: PostgresTarget,
  master: string,
  query: string,
  options: ConnectOptions,
): Promise<TenantRow[]> {
  return withSession(target, master, options, async session => {
    await session.run(
      `RESET search_path; BEGIN READ ONLY; SET LOCAL statement_timeout = '${QUERY_TIMEOUT}'; SET LOCAL lock_timeout = '${QUERY_TIMEOUT}'`,
    )
    const rows = await session.query<Record<string, unknown>>(query)
    return rows.map(readRow)
  })
}

function readRow(row: Record<string, unknown>): TenantRow {
  const tenant = row.tenant ?? row.id
  if (tenant === undefined || row.database === undefined) {
    throw new Failure('config-invalid', 'the tenant query yields no columns `tenant` and `database`', {
      hint: 'write it as SELECT … AS tenant, … AS database, … AS status',
      facts: { columns: Object.keys(row) },
    })
  }
  const status = row.status ?? null
  return {
    tenant: String(tenant),
    database: String(row.database ?? ''),
    status: status === null ? null : String(status),
  }
}
