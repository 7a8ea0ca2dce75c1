// The whole platform comes back on an empty server by one command: roles, master, every tenant, each table proven.
import { existsSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { GLOBALS, type SubjectId } from '../../src/domain/subject.js'
import { recoveryConfiguration } from '../../src/jobs/recovery-configuration.js'
import { chunksPrefix, manifestsPrefix } from '../../src/store/keys.js'
import { type Cluster, startCluster, temporaryFolder } from '../kit/cluster.js'
import { contentHash } from '../kit/content-hash.js'
import { CLI, type Installation, install } from '../kit/installation.js'
import { seedPlatform, tenantDatabase } from '../kit/platform/seed.js'
import { startR2 } from '../kit/r2.js'

const LARGEST = 'Łódź "Śródmieście" & Co'
const NAMED = ['acme', 'globex', LARGEST]
/** Twenty in all, by hand: `RECOVER_TENANTS=20`. */
const MORE = Math.max(0, Number(process.env.RECOVER_TENANTS ?? 4) - NAMED.length)
const TENANTS = [...NAMED, ...Array.from({ length: MORE }, (_, n) => `tenant ${n}`)]
const DATABASES = ['gmah_master', ...TENANTS.map(tenantDatabase)]

let old: Cluster
let here: Installation
let hashes: Map<string, Record<string, string>>
let folder: { path: string; remove(): Promise<void> }

beforeAll(async () => {
  ;[old, folder] = [await startCluster(), await temporaryFolder()]
  await seedPlatform(old.target, { tenants: TENANTS, megabytesPerTenant: 0.6 })
  // First by its name, and the one that takes longest.
  await old.sql(
    tenantDatabase(LARGEST),
    'CREATE TABLE ballast AS SELECT md5(i::text) AS body FROM generate_series(1, 20000) i',
  )
  here = await install(old.target)
  const { run } = await here.night()
  expect(run.outcome).toBe('succeeded')
  hashes = new Map()
  for (const database of DATABASES) hashes.set(database, await contentHash(old, database))
  await old.stop()
})

afterAll(async () => {
  await here.remove()
  await folder.remove()
})

/** The command on a machine that knows nothing, with the offline identity alone. */
async function recover(fresh: Cluster, store: string, more: string[] = []) {
  const { host, port, user } = fresh.target
  const server = ['--host', host, '--port', String(port), '--user', user]
  const args = [
    '--json',
    '--identity',
    here.recoveryIdentityFile,
    'recover',
    '--store',
    store,
    ...server,
    ...more,
  ]
  const result = await execa('node', [CLI, ...args], { reject: false, stdin: 'ignore', cwd: folder.path })
  return { exitCode: result.exitCode, stderr: result.stderr, said: JSON.parse(result.stdout) }
}

describe('on an empty server', () => {
  let fresh: Cluster

  beforeAll(async () => {
    fresh = await startCluster()
  })

  afterAll(() => fresh.stop())

  it('what is there is left as it was, all else is back, equal by its content and proven', async () => {
    // Its name is taken by something else.
    await fresh.createDatabase({ name: tenantDatabase('globex') })
    const { exitCode, said, stderr } = await recover(fresh, here.storeFolder, [
      '--folder',
      'one',
      '--first',
      'globex,acme',
      '--concurrency',
      '1',
    ])
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(said.there).toEqual([{ subject: 'tenants/globex', database: tenantDatabase('globex') }])
    expect(said.failed).toEqual([])
    const back = said.recovered.map((one: { database: string }) => one.database)
    expect(back.slice(0, 2)).toEqual(['gmah_master', tenantDatabase('acme')])
    expect(back.at(-1)).toBe(tenantDatabase(LARGEST))
    expect([...back].sort()).toEqual(DATABASES.filter(one => one !== tenantDatabase('globex')).sort())
    for (const database of back) expect(await contentHash(fresh, database)).toEqual(hashes.get(database))
    for (const { proof, gapSeconds } of said.recovered) {
      expect(proof.differences).toEqual([])
      expect(proof.tables).toBeGreaterThan(3)
      expect(gapSeconds).toBeGreaterThanOrEqual(0)
    }
    expect(said.roles.length).toBeGreaterThan(2)
    const owners = await fresh.sql<{ owner: string }>(
      'postgres',
      "SELECT DISTINCT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = 'gmah_master'",
    )
    expect(owners).toEqual([{ owner: 'gmah_owner' }])
  })

  it('a tenant that cannot be read, and no backup of the roles: both are told, and the exit code is not 0', async () => {
    await fresh.sql('postgres', `DROP DATABASE "${tenantDatabase('globex')}"`)
    const lost = [manifestsPrefix(GLOBALS), chunksPrefix('tenants/globex' as SubjectId)].map(prefix =>
      join(here.storeFolder, prefix.slice(0, -1)),
    )
    for (const path of lost) renameSync(path, `${path}.away`)
    const { exitCode, said } = await recover(fresh, here.storeFolder, ['--folder', 'one'])
    for (const path of lost) renameSync(`${path}.away`, path)
    expect(exitCode).not.toBe(0)
    expect(said.failed).toMatchObject([
      { subject: GLOBALS, code: 'backup-unknown' },
      { subject: 'tenants/globex', code: 'object-missing' },
    ])
    expect([said.recovered, said.there.length]).toEqual([[], DATABASES.length - 1])
  })

  it('the same command again leaves what is there alone, and brings back what is missing', async () => {
    const { exitCode, said } = await recover(fresh, here.storeFolder, [
      '--folder',
      'one',
      '--first',
      'globex,acme',
    ])
    expect(exitCode).toBe(0)
    expect(said.recovered.map((one: { database: string }) => one.database)).toEqual([
      tenantDatabase('globex'),
    ])
    expect(said.there).toHaveLength(DATABASES.length - 1)
    expect(said.roles).toEqual([])
  })

  it('its folder holds a private configuration that other commands take, and another recovery does not', async () => {
    const config = join(folder.path, 'one', 'gmah-backup.yaml')
    expect(statSync(config).mode & 0o777).toBe(0o600)
    const { stdout } = await execa('node', [CLI, '--config', config, '--json', 'backups', 'acme'])
    expect(JSON.parse(stdout)).toHaveLength(1)
    const other = await recover(fresh, '/nowhere', ['--folder', 'one'])
    expect([other.exitCode, other.said.error.code]).toEqual([5, 'file-exists'])
  })
})

it('from a bucket that a configuration names', async () => {
  const bucket = await startR2()
  const fresh = await startCluster()
  const { stop: _, ...where } = bucket
  const store = { type: 's3', ...snake(where) }
  const there = await install(fresh.target, { config: { store } })
  try {
    const [from, to] = [here.parts().repository.store, there.parts().repository.store]
    for await (const { key } of from.list('')) await to.put(key, (await from.get(key)).body)
    const { exitCode, stdout } = await there.cli('--json', '--identity', here.recoveryIdentityFile, 'recover')
    const said = JSON.parse(stdout)
    expect([exitCode, said.failed]).toEqual([0, []])
    expect(said.recovered).toHaveLength(DATABASES.length)
  } finally {
    await there.remove()
    await fresh.stop()
    await bucket.stop()
  }
})

it('an address of a bucket becomes a configuration that holds no secret', () => {
  const words = { identityFile: '/id', recipient: 'age1', host: '/run', port: 5432, user: 'postgres' }
  const text = (store: string) => parse(recoveryConfiguration({ ...words, store })).store
  const variable = (name: string) => `\${${name}}`
  const keys = {
    access_key_id: variable('AWS_ACCESS_KEY_ID'),
    secret_access_key: variable('AWS_SECRET_ACCESS_KEY'),
  }
  const endpoint = 'https://abc.eu.r2.cloudflarestorage.com'
  expect(text(`${endpoint}/gmah`)).toEqual({ type: 's3', endpoint, bucket: 'gmah', ...keys })
  expect(text(`${endpoint}/gmah/a/b/`)).toEqual({
    type: 's3',
    endpoint,
    bucket: 'gmah',
    prefix: 'a/b/',
    ...keys,
  })
  expect(() => text(endpoint)).toThrow(expect.objectContaining({ code: 'usage' }))
})

it('says what is missing before anything is made', async () => {
  const fresh = await startCluster()
  try {
    const alone = await execa('node', [CLI, '--json', 'recover', '--store', here.storeFolder], {
      reject: false,
      cwd: folder.path,
    })
    expect(JSON.parse(alone.stdout).error).toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('--identity'),
    })
    const unknown = await recover(fresh, here.storeFolder, ['--folder', 'three', '--first', 'nobody'])
    expect([unknown.exitCode, unknown.said.error.code]).toEqual([4, 'tenant-unknown'])
    expect(await fresh.sql('postgres', "SELECT datname FROM pg_database WHERE datname LIKE 'gmah%'")).toEqual(
      [],
    )
    expect(existsSync(join(folder.path, 'gmah-recovery'))).toBe(false)
  } finally {
    await fresh.stop()
  }
})

const snake = (words: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(words).map(([name, value]) => [name.replace(/[A-Z]/g, c => `_${c.toLowerCase()}`), value]),
  )
