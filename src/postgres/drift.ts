// Where the platform's own list of tenants and the server's list of databases disagree. Pure.
// Every disagreement is an event: a tenant that nobody backs up is the failure this program exists to prevent.

/** A row of the operator's query. */
export interface TenantRow {
  tenant: string
  /** Empty for a tenant that has none yet. */
  database: string
  /** Null when the query has no such column. */
  status: string | null
}

export type Drift =
  /** The list has a tenant whose database is not there. */
  | { kind: 'tenant-without-database'; tenant: string; database: string }
  /** A database that the rule takes for a tenant's, and that the list knows nothing of. It is backed up all the same. */
  | { kind: 'database-without-tenant'; database: string }
  /** The list says that the tenant is gone; its database is there, and backed up all the same. */
  | { kind: 'inactive-tenant-with-database'; tenant: string; database: string; status: string }
  /** The list has a tenant whose database is there but is left out: nobody backs it up. */
  | { kind: 'tenant-not-covered'; tenant: string; database: string; reason: string }
  /** It has backups and is still there, but is left out now. */
  | { kind: 'database-not-covered'; database: string; reason: string }
  /** It was there last time. */
  | { kind: 'database-vanished'; database: string }

export interface Databases {
  /** All that are there, whatever their kind. */
  present: ReadonlySet<string>
  /** Those that are backed up as tenants. */
  tenants: ReadonlySet<string>
  /** Why each of the others is not. */
  skipped: ReadonlyMap<string, string>
}

/** `inactive`: statuses of tenants that need not have a database any more. */
export function compareLists(
  rows: readonly TenantRow[],
  databases: Databases,
  inactive: readonly string[],
): Drift[] {
  const known = new Set(rows.map(row => row.database))
  const unknown = [...databases.tenants].filter(database => !known.has(database))
  return [
    ...rows.flatMap(row => judgeRow(row, databases, inactive)),
    ...unknown.map((database): Drift => ({ kind: 'database-without-tenant', database })),
  ]
}

function judgeRow(row: TenantRow, databases: Databases, inactive: readonly string[]): Drift[] {
  const { tenant, database, status } = row
  const gone = status !== null && inactive.includes(status)
  if (!databases.present.has(database)) {
    return gone ? [] : [{ kind: 'tenant-without-database', tenant, database }]
  }
  if (!databases.tenants.has(database)) {
    const reason = databases.skipped.get(database) ?? "is not taken for a tenant's"
    return gone ? [] : [{ kind: 'tenant-not-covered', tenant, database, reason }]
  }
  return gone ? [{ kind: 'inactive-tenant-with-database', tenant, database, status }] : []
}
