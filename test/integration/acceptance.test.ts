// The acceptance of the whole: a platform of 20 tenants, some with names made to hurt, is backed up in a night, comes back
// with equal hashes, databases and roles alike, and the next night knows who came and who went.
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encodeTenant, subjectName } from '../../src/domain/subject.js'
import { findTool } from '../../src/postgres/tools.js'
import { listManifests } from '../../src/repository/manifests.js'
import { openTenantKey } from '../../src/repository/tenant-keys.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { contentHash } from '../kit/content-hash.js'
import { type Installation, install } from '../kit/installation.js'
import { seedPlatform, seedTenant, tenantDatabase } from '../kit/platform/seed.js'

const NAMES = [
  ...['acme', 'Acme', 'ACME corp', 'globex', 'initech', 'łódź', '東京株式会社', '🐘 & sons', 'x'.repeat(54)],
  ...['..', '.', '%', '%2F', 'a/../b', 'a%2Fb', '-rf', '$(reboot) `id`', `O'Reilly "&" Söhne`, 'a\\b'],
]
/** A copy of acme to the byte: what two tenants have in common must not be seen in the store. */
const TWIN = 'platform/master'
const TENANTS = [...NAMES, TWIN]

let cluster: Cluster
let elsewhere: Cluster
let here: Installation

beforeAll(async () => {
  ;[cluster, elsewhere] = await Promise.all([startCluster(), startCluster()])
  await seedPlatform(cluster.target, { tenants: NAMES, megabytesPerTenant: 0.3 })
  await cluster.createDatabase({ name: tenantDatabase(TWIN), like: tenantDatabase('acme') })
  await cluster.sql(
    'gmah_master',
    `INSERT INTO organisations SELECT gen_random_uuid(), '${TWIN}', 'twin', '${tenantDatabase(TWIN)}', status, plan, region, created_at
     FROM organisations WHERE name = 'acme'`,
  )
  await cluster.sql(
    'postgres',
    `CREATE ROLE "Night ""Shift""" NOLOGIN CONNECTION LIMIT 3; GRANT gmah_readonly TO "Night ""Shift""" WITH ADMIN OPTION;
     ALTER ROLE "Night ""Shift""" SET statement_timeout = '7s'`,
  )
  const query = 'SELECT name AS tenant, database_name AS database, status FROM organisations'
  here = await install(cluster.target, { config: { postgres: { ...cluster.target, tenants: { query } } } })
}, 300_000)

afterAll(async () => {
  await here.remove()
  await Promise.all([cluster.stop(), elsewhere.stop()])
})

const drift = () => here.events('drift').map(event => event.facts)

test('a night leaves one backup of each of 22 subjects, and no drift', async () => {
  const { failure, report } = await here.night()
  expect(failure).toBe(null)
  expect(report?.failed).toEqual([])
  const subjects = [
    'platform/globals',
    'platform/master',
    ...TENANTS.map(name => `tenants/${encodeTenant(name)}`),
  ]
  expect(report?.succeeded.map(one => one.subject).sort()).toEqual(subjects.sort())
  expect(drift()).toEqual([])
  const { stdout } = await here.cli('--json', 'backups')
  expect((JSON.parse(stdout) as { subject: string }[]).map(one => one.subject).sort()).toEqual(subjects)
}, 300_000)

test('every database comes back beside the live one, proven, and equal by hashes that are not ours', async () => {
  const databases = [
    ['platform/master', 'gmah_master'],
    ...TENANTS.map(name => [subjectName(`tenants/${encodeTenant(name)}` as never), tenantDatabase(name)]),
  ] as [string, string][]
  for (const [at, [name, database]] of databases.entries()) {
    const { proof, manifest } = await here.restore(name, `restored ${at}`)
    expect(proof.differences, name).toEqual([])
    expect(manifest.dump?.database.name).toBe(database)
    expect(await contentHash(cluster, `restored ${at}`), name).toEqual(await contentHash(cluster, database))
    await cluster.sql('postgres', `DROP DATABASE "restored ${at}"`)
  }
}, 600_000)

test('the globals make the same roles, memberships and settings on another server', async () => {
  const file = join(here.folder, 'globals.sql')
  expect((await here.cli('backup', 'export', 'platform/globals', '--to', file)).exitCode).toBe(0)
  const psql = (await findTool('pg_dump', Math.floor(Number.parseInt(cluster.version, 10)), {})).path
  const { host, port, user } = elsewhere.target
  const args = ['-X', '-q', '-h', host, '-p', String(port), '-U', user, '-d', 'postgres', '-f', file]
  const { stderr } = await execa(psql.replace(/pg_dump$/, 'psql'), args)
  expect(stderr.split('\n').filter(line => !/role "postgres" already exists/.test(line))).toEqual([])
  const roles = (on: Cluster) =>
    on.sql(
      'postgres',
      `SELECT a.rolname, a.rolsuper, a.rolinherit, a.rolcreaterole, a.rolcreatedb, a.rolcanlogin, a.rolbypassrls,
              a.rolconnlimit, a.rolpassword, a.rolvaliduntil, s.setconfig
       FROM pg_authid a LEFT JOIN pg_db_role_setting s ON s.setrole = a.oid AND s.setdatabase = 0
       WHERE a.rolname !~ '^pg_' ORDER BY a.rolname`,
    )
  const memberships = (on: Cluster) =>
    on.sql(
      'postgres',
      `SELECT roleid::regrole::text AS role, member::regrole::text AS member, admin_option FROM pg_auth_members ORDER BY 1, 2`,
    )
  expect(await roles(elsewhere)).toEqual(await roles(cluster))
  expect(await memberships(elsewhere)).toEqual(await memberships(cluster))
  expect((await roles(elsewhere)).map(row => row.rolname)).toContain('Night "Shift"')
})

test('two tenants never share a key, a place or a chunk, however equal they are', async () => {
  const { repository } = here.parts()
  const subjects = here
    .parts()
    .catalogue.newest()
    .map(entry => entry.subject)
  const keys = await Promise.all(
    subjects.map(one => openTenantKey(repository.store, repository.keyring, one)),
  )
  expect(new Set(keys.map(key => key.identity)).size).toBe(22)
  expect(new Set(keys.map(key => Buffer.from(key.chunkIdKey).toString('hex'))).size).toBe(22)
  const chunks: string[] = []
  for await (const { key } of repository.store.list('')) {
    if (key.includes('/chunks/')) chunks.push(key.slice(key.lastIndexOf('/')))
  }
  expect(new Set(chunks).size).toBe(chunks.length)
  const rowsOf = (name: string) =>
    here
      .parts()
      .catalogue.newest()
      .find(entry => subjectName(entry.subject) === name)?.rows
  expect(rowsOf(`tenants/${encodeTenant(TWIN)}`)).toBe(rowsOf('acme'))
})

test('who comes between two nights is in the next one, and who goes is told', async () => {
  await seedTenant(cluster.target, 'newcomer', { megabytesPerTenant: 0.3 })
  await cluster.sql('postgres', `DROP DATABASE "${tenantDatabase('globex')}"`)
  const { report, failure } = await here.night()
  expect(failure).toBe(null)
  const subjects = report?.succeeded.map(one => one.subject) as string[]
  expect(subjects).toContain('tenants/newcomer')
  expect(subjects).not.toContain('tenants/globex')
  expect(subjects).toHaveLength(22)
  const gone = tenantDatabase('globex')
  expect(drift()).toContainEqual({ kind: 'database-vanished', database: gone })
  expect(drift()).toContainEqual(
    expect.objectContaining({ kind: 'tenant-without-database', tenant: 'globex', database: gone }),
  )
  expect(drift()).toContainEqual({ kind: 'database-without-tenant', database: tenantDatabase('newcomer') })
  const { stdout } = await here.cli('tenants')
  expect(stdout).toContain(`${gone} has backups, but is no longer on the server`)
  const { proof } = await here.restore('globex', tenantDatabase('globex'))
  expect(proof.differences).toEqual([])
  expect(await listManifests(here.parts().repository.store, 'tenants/globex' as never)).toHaveLength(1)
}, 300_000)
