// A database made like another, to its last property, and the life of databases: rename, empty, drop.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DatabaseProperties } from '../../src/domain/manifest.js'
import { connect, type Session } from '../../src/postgres/connection.js'
import {
  allowConnections,
  applyDatabaseProperties,
  createDatabaseLike,
  databaseExists,
  dropDatabase,
  renameDatabase,
  terminateConnections,
} from '../../src/postgres/databases.js'
import { readProperties } from '../../src/postgres/properties.js'
import { type Cluster, randomName, startCluster } from '../kit/cluster.js'

let cluster: Cluster
let session: Session
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())
beforeEach(async () => {
  session = await connect(cluster.target, 'postgres')
})
afterEach(() => session.close())

const plain: DatabaseProperties = {
  name: 'x',
  owner: 'postgres',
  encoding: 'UTF8',
  localeProvider: 'libc',
  collate: 'C',
  ctype: 'C.UTF-8',
  locale: null,
  icuRules: null,
  tablespace: 'pg_default',
  connectionLimit: -1,
  acl: null,
  comment: null,
  settings: [],
}

async function copy(properties: DatabaseProperties): Promise<DatabaseProperties> {
  const name = randomName('copy')
  await createDatabaseLike(session, name, properties)
  await applyDatabaseProperties(session, name, properties)
  return { ...(await readProperties(session, name)), name: properties.name }
}

describe('a copy has the original’s properties', () => {
  test('all of them at once', async () => {
    const roles = [randomName('The "owner"'), randomName('app'), randomName('given-on'), randomName('last')]
    const [owner = '', app = '', given = '', last = ''] = roles
    for (const role of roles) await session.query(`CREATE ROLE ${quote(role)}`)
    const name = `Te"nant ${randomName()}`
    await session.query(
      `CREATE DATABASE ${quote(name)} TEMPLATE template0 LC_COLLATE 'C' OWNER ${quote(owner)} CONNECTION LIMIT 11`,
    )
    const on = `ON DATABASE ${quote(name)}`
    await session.run(`
      REVOKE ALL ${on} FROM PUBLIC;
      GRANT CONNECT, TEMPORARY ${on} TO ${app};
      GRANT CONNECT ${on} TO ${quote(given)} WITH GRANT OPTION;
      SET ROLE ${quote(given)}; GRANT CONNECT ${on} TO ${last}; RESET ROLE;
      COMMENT ${on} IS E'it''s \\\\ a "tenant"\\nof ours'`)
    for (const setting of [
      `search_path = "$user", 'odd ,"name', public`,
      `work_mem = '9MB'`,
      `datestyle = 'ISO, DMY'`,
      `app.tenant = 'a=b ''c'' \\d'`,
    ])
      await session.query(`ALTER DATABASE ${quote(name)} SET ${setting}`)
    await session.query(`ALTER ROLE ${app} IN DATABASE ${quote(name)} SET search_path = ''`)
    const original = await readProperties(session, name)
    expect(original.acl).toHaveLength(4)
    expect(original.settings).toHaveLength(5)
    expect(await copy(original)).toEqual(original)
  })

  test.each([
    ['plain', plain],
    ['another encoding', { ...plain, encoding: 'LATIN1', collate: 'C', ctype: 'C' }],
    ['icu', { ...plain, localeProvider: 'icu' as const, locale: 'fr-FR' }],
    ['nobody may connect', { ...plain, acl: ['postgres=CTc/postgres'] }],
    ['not even the owner', { ...plain, acl: [] }],
  ])('%s', async (_name, properties) => {
    expect(await copy(properties)).toEqual(properties)
  })

  test('what was there before gives way', async () => {
    const name = await cluster.createDatabase()
    const role = randomName('role')
    await session.query(`CREATE ROLE ${role}`)
    await session.run(`GRANT ALL ON DATABASE ${name} TO ${role}; COMMENT ON DATABASE ${name} IS 'old'`)
    await session.query(`ALTER DATABASE ${name} SET work_mem = '5MB'`)
    await session.query(`ALTER ROLE ${role} IN DATABASE ${name} SET work_mem = '6MB'`)
    const wanted = { ...plain, name, settings: [{ role: null, setting: 'work_mem=7MB' }] }
    for (let times = 0; times < 2; times++) await applyDatabaseProperties(session, name, wanted)
    const now = await readProperties(session, name)
    expect(now).toMatchObject({ comment: null, settings: wanted.settings })
    // PostgreSQL's default, spelled out.
    expect(now.acl?.sort()).toEqual(['=Tc/postgres', 'postgres=CTc/postgres'])
  })
})

test('what cannot be made is refused by name', async () => {
  const there = await cluster.createDatabase()
  const create = (name: string, properties: DatabaseProperties) =>
    createDatabaseLike(session, name, properties)
  await expect(create(there, plain)).rejects.toMatchObject({ code: 'target-exists' })
  await expect(create('x'.repeat(64), plain)).rejects.toMatchObject({ code: 'target-invalid' })
  await expect(create('', plain)).rejects.toMatchObject({ code: 'target-invalid' })
  await expect(create('y', { ...plain, owner: 'absent' })).rejects.toMatchObject({
    code: 'roles-missing',
    facts: { roles: ['absent'] },
  })
  await expect(create('y', { ...plain, collate: 'xx_XX' })).rejects.toMatchObject({
    code: 'postgres-failed',
    hint: expect.stringContaining('xx_XX'),
  })
  expect(await databaseExists(session, 'y')).toBe(false)
})

test('the builtin locale provider, which came with PostgreSQL 17, is kept there and refused before', async () => {
  const builtin: DatabaseProperties = { ...plain, localeProvider: 'builtin', locale: 'C' }
  const name = randomName()
  const made = createDatabaseLike(session, name, builtin)
  if (session.server.versionNum < 170_000) {
    await expect(made).rejects.toMatchObject({ code: 'version-too-old' })
    expect(await databaseExists(session, name)).toBe(false)
  } else {
    await made
    expect(await readProperties(session, name)).toMatchObject({ localeProvider: 'builtin', locale: 'C' })
  }
})

test('a tablespace that is not there gives way to the default', async () => {
  expect(await copy({ ...plain, tablespace: 'absent' })).toEqual(plain)
})

test('properties are all applied or none', async () => {
  const name = await cluster.createDatabase()
  const wanted = { ...plain, comment: 'new', settings: [{ role: null, setting: 'no_such_setting=1' }] }
  await expect(applyDatabaseProperties(session, name, wanted)).rejects.toMatchObject({
    code: 'postgres-failed',
  })
  expect(await readProperties(session, name)).toMatchObject({ comment: null })
  const roleless = { ...plain, acl: ['absent=c/postgres'] }
  await expect(applyDatabaseProperties(session, name, roleless)).rejects.toMatchObject({
    code: 'roles-missing',
  })
})

describe('the life of a database', () => {
  test('a rename waits for nobody, ends nobody, and never overwrites', async () => {
    const [from, to, other] = [
      await cluster.createDatabase(),
      `To "${randomName()}"`,
      await cluster.createDatabase(),
    ]
    const guest = await connect(cluster.target, from)
    await allowConnections(session, from, false)
    expect(await terminateConnections(session, from)).toBe(1)
    await renameDatabase(session, from, to)
    await allowConnections(session, to, true)
    await guest.close()
    expect([await databaseExists(session, from), await databaseExists(session, to)]).toEqual([false, true])
    await expect(renameDatabase(session, to, other)).rejects.toMatchObject({ code: 'target-exists' })
    await expect(renameDatabase(session, to, 'x'.repeat(64))).rejects.toMatchObject({
      code: 'target-invalid',
    })
  })

  test('dropping: refused while in use, by force, and again', async () => {
    const name = await cluster.createDatabase()
    const guest = await connect(cluster.target, name)
    await expect(dropDatabase(session, name)).rejects.toMatchObject({ facts: { sqlstate: '55006' } })
    await dropDatabase(session, name, { force: true })
    await dropDatabase(session, name)
    await guest.close()
    expect(await databaseExists(session, name)).toBe(false)
  })
})

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`
