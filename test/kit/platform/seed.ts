// Builds a GMAH platform on a server: gmah_master and one database a tenant, of realistic shape and entropy.
// Equal options give equal data, to the byte of the dump of every table.
import { createHash } from 'node:crypto'
import PQueue from 'p-queue'
import pg from 'pg'
import { connected, type PlatformServer, runScripts, script } from './scripts.js'

/** The last one needs quoting in SQL, percent-encoding in keys and more bytes than characters. */
export const DEMO_TENANTS: readonly string[] = ['acme', 'globex', 'initech', 'Łódź "Śródmieście" & Co']

export const MASTER_DATABASE = 'gmah_master'
const PREFIX = 'gmah_org_'
/** NAMEDATALEN - 1: PostgreSQL cuts longer names without a word. */
const NAME_BYTES = 63
/** Measured: the fixed tables and the schema are 0.25 MB of `pg_dump -Fc -Z0`, one unit of :scale adds 0.9 MB. */
const scaleOf = (megabytes: number): number => Math.max(0.1, (megabytes - 0.25) / 0.9)

export interface PlatformOptions {
  tenants?: readonly string[]
  /** MB (10^6) of `pg_dump -Fc -Z0` stream, roughly; below 0.3 the fixed tables are most of it. */
  megabytesPerTenant?: number
  seed?: number
}

export interface Platform {
  master: string
  tenants: { tenant: string; database: string }[]
}

const TENANT_SCRIPTS = [
  'functions',
  'schema-1-people',
  'schema-2-trade',
  'schema-3-activity',
  'fill-1-people',
  'fill-2-trade',
  'fill-3-activity',
  'logic',
]

/** @throws Error when the database's name would not fit PostgreSQL's 63 bytes. */
export function tenantDatabase(tenant: string): string {
  const name = `${PREFIX}${tenant}`
  if (Buffer.byteLength(name) > NAME_BYTES) throw new Error(`too long for a database name: ${name}`)
  return name
}

/** An integer of 31 bits for one tenant's data. */
export const tenantSeed = (tenant: string, seed: number): number =>
  createHash('sha256').update(`${seed}/${tenant}`).digest().readUInt32BE() >>> 1

/**
 * Creates roles, master and tenants on an empty server, two databases at once.
 * @throws pg.DatabaseError 42P04 when a database is there already.
 */
export async function seedPlatform(server: PlatformServer, options: PlatformOptions = {}): Promise<Platform> {
  const { tenants = DEMO_TENANTS, megabytesPerTenant = 2, seed = 1 } = options
  const platform = {
    master: MASTER_DATABASE,
    tenants: tenants.map(tenant => ({ tenant, database: tenantDatabase(tenant) })),
  }
  await connected(server, 'postgres', client => client.query(script('roles', { appVerifier: APP_VERIFIER })))
  const queue = new PQueue({ concurrency: 2 })
  await Promise.all([
    queue.add(() => seedMaster(server, platform, seed)),
    ...tenants.map(tenant => queue.add(() => seedTenant(server, tenant, { megabytesPerTenant, seed }))),
  ])
  return platform
}

/** One tenant's database, without a row in the master: also for the tests of drift. */
export async function seedTenant(
  server: PlatformServer,
  tenant: string,
  options: { megabytesPerTenant?: number; seed?: number } = {},
): Promise<void> {
  const { megabytesPerTenant = 2, seed = 1 } = options
  const database = tenantDatabase(tenant)
  await createDatabase(server, database, `tenant ${tenant}`)
  await connected(server, database, async client => {
    await client.query('SET ROLE gmah_owner')
    await runScripts(client, TENANT_SCRIPTS, {
      seed: tenantSeed(tenant, seed),
      scale: scaleOf(megabytesPerTenant),
    })
  })
}

async function seedMaster(server: PlatformServer, platform: Platform, seed: number): Promise<void> {
  await createDatabase(server, platform.master, 'who the organisations are')
  await connected(server, platform.master, async client => {
    await client.query('SET ROLE gmah_owner')
    await runScripts(client, ['functions', 'master'], { seed, scale: 1 })
    for (const [index, { tenant, database }] of platform.tenants.entries()) {
      await client.query(
        `INSERT INTO organisations VALUES ($1, $2, $3, $4, $5, $6, 'fsn1', timestamptz '2025-11-01' + make_interval(days => $7))`,
        [tenantUuid(tenant), tenant, slug(tenant), database, 'active', PLANS[index % 3], index % 300],
      )
    }
    await runScripts(client, ['master-fill'], {})
  })
}

const PLANS = ['enterprise', 'team', 'solo']
const APP_VERIFIER =
  'SCRAM-SHA-256$4096:Z21haC1kZW1vLXNhbHQhIQ==$I9zQz6q7fMTNix3gSVhAj4h5QJXXcQRcZQzGF3TQ+80=:bGNk9C/2/eT0G6bOT40MSMJcyFZltCPeHaAKYQf8esM='

/** Collation and time zone pinned, settings and grants of its own: what a dump without --create would lose. */
async function createDatabase(server: PlatformServer, database: string, comment: string): Promise<void> {
  const name = pg.escapeIdentifier(database)
  await connected(server, 'postgres', async client => {
    await client.query(
      `CREATE DATABASE ${name} OWNER gmah_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8' CONNECTION LIMIT 80`,
    )
    for (const statement of [
      `COMMENT ON DATABASE ${name} IS ${pg.escapeLiteral(comment)}`,
      `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`,
      `GRANT CONNECT, TEMPORARY ON DATABASE ${name} TO gmah_app`,
      `GRANT CONNECT ON DATABASE ${name} TO gmah_readonly, gmah_backup`,
      `ALTER DATABASE ${name} SET timezone = 'Europe/Paris'`,
      `ALTER DATABASE ${name} SET default_text_search_config = 'pg_catalog.simple'`,
      `ALTER DATABASE ${name} SET gmah.motto = 'it''s "ours"'`,
      `ALTER ROLE gmah_app IN DATABASE ${name} SET work_mem = '16MB'`,
      `ALTER ROLE gmah_readonly IN DATABASE ${name} SET default_transaction_read_only = on`,
    ]) {
      await client.query(statement)
    }
  })
}

const tenantUuid = (tenant: string): string =>
  createHash('sha256')
    .update(tenant)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')

/** Unique like the name: what the plain letters lose comes back as a few digits of its hash. */
function slug(tenant: string): string {
  const plain = tenant
    .toLowerCase()
    .replaceAll('ł', 'l')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, ' ')
    .trim()
    .replaceAll(' ', '-')
  return plain === tenant ? plain : `${plain || 'unnamed'}-${tenantUuid(tenant).slice(0, 6)}`
}
