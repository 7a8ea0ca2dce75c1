// The exported snapshot: what it says of the database, that it is held, and that its loss is told.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databasePropertiesSchema } from '../../src/domain/manifest.js'
import { withSession } from '../../src/postgres/connection.js'
import { openSnapshot } from '../../src/postgres/snapshot.js'
import { type Cluster, randomName, startCluster, temporaryFolder } from '../kit/cluster.js'
import { dump } from '../kit/dumping.js'
import { startStandby } from '../kit/standby.js'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

test('says everything that a dump leaves out', async () => {
  const [owner, guest, other] = [randomName('The "owner"'), randomName('guest'), randomName('stranger')]
  for (const role of [owner, guest, other]) await cluster.sql('postgres', `CREATE ROLE ${quote(role)}`)
  const database = await cluster.createDatabase({
    name: 'Te"nant',
    sql: `CREATE EXTENSION citext; CREATE TABLE t (); GRANT SELECT ON t TO ${guest}`,
  })
  for (const change of [
    `OWNER TO ${quote(owner)}`,
    `CONNECTION LIMIT 7`,
    `SET search_path = app, public`,
    `SET work_mem = '9MB'`,
  ])
    await cluster.sql('postgres', `ALTER DATABASE ${quote(database)} ${change}`)
  await cluster.sql('postgres', `ALTER ROLE ${guest} IN DATABASE ${quote(database)} SET work_mem = '1MB'`)
  await cluster.sql('postgres', `COMMENT ON DATABASE ${quote(database)} IS 'one''s own'`)
  await cluster.sql('postgres', `GRANT CONNECT ON DATABASE ${quote(database)} TO ${guest}`)

  const snapshot = await openSnapshot(cluster.target, database)
  expect(databasePropertiesSchema.parse(snapshot.properties)).toEqual({
    name: database,
    owner,
    encoding: 'UTF8',
    localeProvider: 'libc',
    collate: 'C.UTF-8',
    ctype: 'C.UTF-8',
    locale: null,
    icuRules: null,
    tablespace: 'pg_default',
    connectionLimit: 7,
    acl: expect.arrayContaining([expect.stringMatching(new RegExp(`^${guest}=c/`))]),
    comment: "one's own",
    settings: [
      { role: null, setting: 'search_path=app, public' },
      { role: null, setting: 'work_mem=9MB' },
      { role: guest, setting: 'work_mem=1MB' },
    ],
  })
  expect(snapshot.extensions).toEqual([
    { name: 'citext', version: expect.stringMatching(/^1\./), schema: 'public' },
    { name: 'plpgsql', version: '1.0', schema: 'pg_catalog' },
  ])
  expect(snapshot.roles).toEqual([guest, owner, 'postgres'].sort())
  expect(snapshot.sizeBytes).toBeGreaterThan(1_000_000)
  expect(snapshot.lsn).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/)
  expect(Math.abs(snapshot.instant.getTime() - Date.now())).toBeLessThan(3_600_000)
  await snapshot.release()
})

test('an icu database keeps its locale', async () => {
  const database = randomName()
  await cluster.sql(
    'postgres',
    `CREATE DATABASE ${database} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'fr-FR' ENCODING 'UTF8'`,
  )
  const snapshot = await openSnapshot(cluster.target, database)
  expect(snapshot.properties).toMatchObject({ localeProvider: 'icu', locale: 'fr-FR' })
  await snapshot.release()
})

test('a standby exports one too, at the position it has replayed', async () => {
  const primary = await startCluster({ settings: { wal_level: 'replica', max_wal_senders: '2' } })
  const database = await primary.createDatabase({ sql: 'CREATE TABLE t AS SELECT 1 AS n' })
  const folder = await temporaryFolder()
  const standby = await startStandby(primary, folder.path)
  try {
    const snapshot = await openSnapshot(standby.target, database)
    expect(snapshot.lsn).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/)
    const { bytes, result } = await dump({
      target: standby.target,
      database,
      snapshotId: snapshot.snapshotId,
    })
    expect(result).toMatchObject({ exitCode: 0 })
    expect(bytes.subarray(0, 5).toString()).toBe('PGDMP')
    await snapshot.release()
  } finally {
    await standby.stop()
    await folder.remove()
    await primary.stop()
  }
})

test('others can join it, and only while it is held', async () => {
  const database = await cluster.createDatabase({ sql: 'CREATE TABLE t AS SELECT 1 AS n' })
  const snapshot = await openSnapshot(cluster.target, database)
  await cluster.sql(database, 'INSERT INTO t VALUES (2)')
  const join = () =>
    withSession(cluster.target, database, {}, async session => {
      await session.run('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await session.run(`SET TRANSACTION SNAPSHOT '${snapshot.snapshotId}'`)
      const rows = await session.query<{ n: number }>('SELECT n FROM public.t')
      return rows.map(row => row.n)
    })
  expect(await join()).toEqual([1])
  expect(await snapshot.session.query('SELECT n FROM public.t')).toEqual([{ n: 1 }])
  await expect(snapshot.session.query('DELETE FROM public.t')).rejects.toMatchObject({
    facts: { sqlstate: '25006' },
  })
  await snapshot.release()
  await snapshot.release()
  expect(snapshot.lost.aborted).toBe(false)
  await expect(join()).rejects.toMatchObject({ code: 'postgres-failed' })
})

test('its loss is told', async () => {
  const database = await cluster.createDatabase()
  const snapshot = await openSnapshot(cluster.target, database)
  const lost = new Promise(resolve => snapshot.lost.addEventListener('abort', resolve, { once: true }))
  await cluster.sql(
    'postgres',
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
  )
  await lost
  expect(snapshot.lost.reason).toMatchObject({ code: 'postgres-unreachable' })
  await snapshot.release()
})

test('a database that is not there is a denial', async () => {
  await expect(openSnapshot(cluster.target, 'absent')).rejects.toMatchObject({ code: 'postgres-denied' })
})

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`
