// The platform that demo, bench and tests run on: it has the shapes that make dumps hard, and equal seeds give equal data.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { churn } from '../kit/platform/churn.js'
import { connected, type PlatformServer } from '../kit/platform/scripts.js'
import { DEMO_TENANTS, seedPlatform, seedTenant, tenantDatabase } from '../kit/platform/seed.js'

const bin = '/usr/lib/postgresql'
const major = readdirSync(bin).sort((a, b) => Number(b) - Number(a))[0]
const tool = (name: string) => join(bin, String(major), 'bin', name)
const folder = mkdtempSync(join(tmpdir(), 'platform-'))
const asRoot = process.getuid?.() === 0
const server: PlatformServer = { host: folder, port: 5432, user: 'postgres' }

/** PostgreSQL refuses to run as root. */
function unprivileged(command: string, args: string[]): void {
  const [file, all] = asRoot ? ['runuser', ['-u', 'postgres', '--', command, ...args]] : [command, args]
  execFileSync(file as string, all as string[], { stdio: 'ignore', cwd: folder })
}

const query = async (database: string, text: string): Promise<Record<string, unknown>[]> =>
  (await connected(server, database, client => client.query(text))).rows

/** In UTC: the tenants' own time zone is a setting of the database, which a plain restore does not bring. */
function dump(database: string, ...options: string[]): Buffer {
  const args = ['-h', server.host, '-U', server.user, ...options, database]
  return execFileSync(tool('pg_dump'), args, {
    env: { ...process.env, PGTZ: 'UTC' },
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

/** Of the rows alone, without the random token that newer clients put around a plain dump. */
const dataHash = (database: string): string =>
  createHash('sha256')
    .update(
      dump(database, '--data-only')
        .toString()
        .replace(/^\\(un)?restrict .*$/gm, ''),
    )
    .digest('hex')

beforeAll(async () => {
  if (asRoot) {
    const [uid, gid] = ['-u', '-g'].map(flag => Number(execFileSync('id', [flag, 'postgres'])))
    chownSync(folder, uid as number, gid as number)
  }
  const data = join(folder, 'data')
  unprivileged(tool('initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-N', '--locale=C.UTF-8'])
  const settings = `-k ${folder} -c listen_addresses= -c fsync=off -c shared_buffers=32MB`
  unprivileged(tool('pg_ctl'), ['-D', data, '-w', '-l', join(folder, 'log'), '-o', settings, 'start'])
  await seedPlatform(server, { megabytesPerTenant: 0.5 })
})

afterAll(() => {
  unprivileged(tool('pg_ctl'), ['-D', join(folder, 'data'), '-m', 'immediate', 'stop'])
  rmSync(folder, { recursive: true })
})

test('every tenant has a database and a row in the master', async () => {
  const rows = await query('gmah_master', 'SELECT name, database_name FROM organisations ORDER BY created_at')
  expect(rows).toEqual(DEMO_TENANTS.map(name => ({ name, database_name: tenantDatabase(name) })))
  const there = await query('postgres', "SELECT datname FROM pg_database WHERE datname LIKE 'gmah\\_org\\_%'")
  expect(there.map(row => row.datname).sort()).toEqual(DEMO_TENANTS.map(tenantDatabase).sort())
})

test('a tenant has the shapes that make dumps hard', async () => {
  const [found] = await query(
    tenantDatabase('acme'),
    `SELECT
      (SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema'))::int >= 40 AS tables,
      EXISTS (SELECT FROM pg_partitioned_table) AS partitioned,
      EXISTS (SELECT FROM pg_matviews WHERE ispopulated) AS materialised,
      EXISTS (SELECT FROM pg_policy) AND EXISTS (SELECT FROM pg_class WHERE relforcerowsecurity) AS row_security,
      EXISTS (SELECT FROM pg_attribute WHERE attgenerated = 's') AS generated,
      EXISTS (SELECT FROM pg_attribute WHERE attidentity = 'a') AS identity,
      EXISTS (SELECT FROM pg_largeobject_metadata) AS large_objects,
      EXISTS (SELECT FROM pg_default_acl) AS default_privileges,
      EXISTS (SELECT FROM pg_constraint WHERE contype = 'x') AS exclusion,
      EXISTS (SELECT FROM pg_type WHERE typtype = 'd') AS domains,
      EXISTS (SELECT FROM pg_class WHERE relpersistence = 'u') AS unlogged,
      EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
              WHERE d.datname = current_database() AND s.setrole <> 0) AS role_settings,
      NOT EXISTS (SELECT FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
                  WHERE r.rolname <> 'gmah_owner' AND c.oid >= 16384
                  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')) AS owned`,
  )
  expect(Object.entries(found ?? {}).filter(([, there]) => there !== true)).toEqual([])
})

test('an identity goes on after the rows that came with their ids', async () => {
  const [row] = await query(
    tenantDatabase('acme'),
    `INSERT INTO projects (name) VALUES ('next') RETURNING id > (SELECT max(id) FROM projects) AS later`,
  )
  expect(row).toEqual({ later: true })
  await query(tenantDatabase('acme'), "DELETE FROM projects WHERE name = 'next'")
})

test('equal seeds give equal data; tenants and seeds differ', async () => {
  const hash = dataHash(tenantDatabase('globex'))
  expect(dataHash(tenantDatabase('initech'))).not.toBe(hash)
  const again = async (seed: number) => {
    await query('postgres', `DROP DATABASE "${tenantDatabase('globex')}"`)
    await seedTenant(server, 'globex', { megabytesPerTenant: 0.5, seed })
    return dataHash(tenantDatabase('globex'))
  }
  expect(await again(2)).not.toBe(hash)
  expect(await again(1)).toBe(hash)
})

test('the asked size is about the size of the dump', async () => {
  await seedTenant(server, 'sized', { megabytesPerTenant: 8 })
  const megabytes = dump(tenantDatabase('sized'), '-Fc', '-Z0').length / 1e6
  expect(megabytes).toBeGreaterThan(7)
  expect(megabytes).toBeLessThan(9)
})

test('a day changes about the asked fraction, and each day is another', async () => {
  await seedTenant(server, 'busy', { megabytesPerTenant: 4 })
  const rows = () =>
    query(tenantDatabase('busy'), 'SELECT max(id)::int AS id, count(*)::int AS n FROM events')
  const before = (await rows())[0]?.n as number
  const changes = await churn(server, 'busy', 0.01)
  expect(changes.updated).toBeGreaterThan(0)
  expect(changes.deleted).toBeGreaterThan(0)
  expect((await rows())[0]?.n).toBe(before + Math.ceil(before / 100))
  const first = dataHash(tenantDatabase('busy'))
  await churn(server, 'busy', 0.01)
  expect(dataHash(tenantDatabase('busy'))).not.toBe(first)
})

test('gmah_backup, no superuser, may dump all of it', () => {
  const database = tenantDatabase('acme')
  expect(dump(database, '-Fc', '-Z0', '-U', 'gmah_backup').length).toBe(dump(database, '-Fc', '-Z0').length)
})

test('the odd name restores without a complaint, with equal rows', async () => {
  const database = tenantDatabase('Łódź "Śródmieście" & Co')
  await query('postgres', `CREATE DATABASE beside OWNER gmah_owner TEMPLATE template0`)
  const args = [
    '-h',
    server.host,
    '-U',
    server.user,
    '-d',
    'beside',
    '--exit-on-error',
    '--single-transaction',
  ]
  execFileSync(tool('pg_restore'), args, { input: dump(database, '-Fc', '-Z0') })
  expect(dataHash('beside')).toBe(dataHash(database))
})

test('a name that PostgreSQL would cut is refused', () => {
  expect(tenantDatabase('x'.repeat(54))).toHaveLength(63)
  expect(() => tenantDatabase('x'.repeat(55))).toThrow('too long')
  expect(() => tenantDatabase('ź'.repeat(28))).toThrow('too long')
})
