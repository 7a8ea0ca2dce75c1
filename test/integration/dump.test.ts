// pg_dump as a stream under an exported snapshot, and the name of each way it fails.
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect, type Session } from '../../src/postgres/connection.js'
import { type DumpOptions, explainDumpEnd, startDump } from '../../src/postgres/dump.js'
import { openSnapshot } from '../../src/postgres/snapshot.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { dump, pgRestore, tool } from '../kit/dumping.js'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

test.each([
  'plain',
  'with space',
  'dbname=postgres',
  'postgres://x/y',
  `quote'"\\`,
  '../up/%2F',
  '-Fp',
  'Łódź & Ünïcode',
  'x'.repeat(63),
])('dumps the database called %j', async name => {
  const database = await cluster.createDatabase({ name, sql: `CREATE TABLE only_in_this AS SELECT 1 AS one` })
  const { bytes, result } = await dump({ target: cluster.target, database })
  expect(result).toMatchObject({ exitCode: 0, endedBy: null, stderr: '' })
  expect(bytes.subarray(0, 5).toString()).toBe('PGDMP')
  expect(await pgRestore(bytes)).toContain('only_in_this')
})

test('is of the snapshot, not of the moment pg_dump came', async () => {
  const database = await cluster.createDatabase({ sql: `CREATE TABLE t AS SELECT 'before' AS word` })
  const snapshot = await openSnapshot(cluster.target, database)
  await cluster.sql(database, `INSERT INTO t VALUES ('afterwards')`)
  const { bytes } = await dump({ target: cluster.target, database, snapshotId: snapshot.snapshotId })
  await snapshot.release()
  expect(bytes.includes('before\n')).toBe(true)
  expect(bytes.includes('afterwards')).toBe(false)
})

test("equal data gives equal bytes whatever the database's settings", async () => {
  const seed = `CREATE TABLE t AS SELECT '\\x00ff'::bytea AS b, '1.5'::money AS m,
    '2026-11-23 02:15:00+00'::timestamptz AS i, 0.1::float8 AS f`
  const database = await cluster.createDatabase({ sql: seed })
  const data = async () => {
    const { bytes } = await dump({ target: cluster.target, database })
    return pgRestore(bytes, '--data-only', '-f', '-')
  }
  const before = await data()
  for (const setting of ["bytea_output = 'escape'", "timezone = 'Asia/Tokyo'", "datestyle = 'German'"]) {
    await cluster.sql('postgres', `ALTER DATABASE ${database} SET ${setting}`)
  }
  const withoutKey = (text: string) => text.replace(/^\\(un)?restrict .*$/gm, '')
  expect(withoutKey(await data())).toBe(withoutKey(before))
})

describe('while it waits for a lock', () => {
  let blocker: Session
  let database: string
  beforeEach(async () => {
    database = await cluster.createDatabase({ sql: 'CREATE TABLE held ()' })
    blocker = await connect(cluster.target, database)
    await blocker.run('BEGIN; LOCK TABLE public.held')
  })
  afterEach(() => blocker.close())

  const waiting = async () => {
    const rows = await cluster.sql<{ pid: number }>(
      'postgres',
      `SELECT pid FROM pg_stat_activity WHERE datname = '${database}' AND wait_event_type = 'Lock'`,
    )
    return rows.length
  }
  const start = async (options: Partial<DumpOptions>) => {
    const { target } = cluster
    const child = await startDump({
      ...{ target, database, tool: await tool('pg_dump'), lockWaitTimeoutMs: 60_000 },
      ...options,
    })
    child.stdout.resume()
    await expect.poll(waiting, { timeout: 90_000 }).toBe(1)
    return child
  }

  test('it is nice to others and hides nothing secret in its command line', async () => {
    const target = { ...cluster.target, password: 'open sesame' }
    const child = await start({ target, politeness: { nice: 7, ionice: 'best-effort' } })
    const stat = await readFile(`/proc/${child.pid}/stat`, 'latin1')
    expect(stat.replace(/^.*\) /, '').split(' ')[16]).toBe('7')
    const command = await readFile(`/proc/${child.pid}/cmdline`, 'utf8')
    const environment = await readFile(`/proc/${child.pid}/environ`, 'utf8')
    expect(command).toContain('--format=custom')
    expect(command + environment).not.toContain('sesame')
    const passwords = /PGPASSFILE=([^\0]+)/.exec(environment)?.[1] ?? ''
    expect(await readFile(passwords, 'utf8')).toContain('sesame')
    await blocker.run('ROLLBACK')
    expect(await child.result).toMatchObject({ exitCode: 0 })
    await expect(readFile(passwords)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('an abort ends it, and its query on the server', async () => {
    const controller = new AbortController()
    const child = await start({ signal: controller.signal })
    child.stdout.on('error', () => {})
    controller.abort(new Error('enough'))
    // pg_dump cancels its query and leaves by itself.
    expect((await child.result).exitCode).not.toBe(0)
    await expect.poll(waiting, { timeout: 90_000 }).toBe(0)
  })

  test('it does not outlive us', async () => {
    const script = `
      const { startDump } = await import('./dist/src/postgres/dump.js')
      await startDump(${JSON.stringify({
        ...{ target: cluster.target, database, tool: await tool('pg_dump'), lockWaitTimeoutMs: 600_000 },
      })})
      setInterval(() => {}, 1000)`
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' })
    await expect.poll(waiting, { timeout: 90_000 }).toBe(1)
    owner.kill('SIGKILL')
    await expect.poll(waiting, { timeout: 90_000 }).toBe(0)
  })

  test('a wait that is too long is a lock timeout', async () => {
    const failure = await failed({ target: cluster.target, database, lockWaitTimeoutMs: 100 })
    expect(failure).toMatchObject({ code: 'lock-timeout', retryable: true, facts: { database } })
  })

  test('a server that ends the connection is out of reach', async () => {
    const child = await start({})
    await cluster.sql(
      'postgres',
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`,
    )
    expect(explainDumpEnd(await child.result, database)).toMatchObject({ code: 'postgres-unreachable' })
  })
})

const failed = async (options: Parameters<typeof dump>[0]) => {
  const { result } = await dump(options)
  expect(result.exitCode).not.toBe(0)
  return explainDumpEnd(result, options.database)
}

describe('what a failure is called', () => {
  test('no right to read, and row security', async () => {
    const database = await cluster.createDatabase({
      sql: `CREATE ROLE reader LOGIN; CREATE TABLE secret (); CREATE TABLE guarded ();
            ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; GRANT SELECT ON guarded TO reader`,
    })
    const target = cluster.as('reader')
    expect(await failed({ target, database })).toMatchObject({ code: 'privileges-missing' })
    await cluster.sql(database, 'GRANT SELECT ON secret TO reader')
    const guarded = await failed({ target, database })
    expect(guarded).toMatchObject({ code: 'privileges-missing' })
    expect(guarded.message).toContain('guarded')
  })

  test('no such database, no such server, a snapshot that is gone', async () => {
    const { target } = cluster
    expect(await failed({ target, database: 'absent' })).toMatchObject({ code: 'postgres-denied' })
    expect(await failed({ target: { ...target, port: 1 }, database: 'postgres' })).toMatchObject({
      code: 'postgres-unreachable',
    })
    const gone = await failed({ target, database: 'postgres', snapshotId: '00000003-00000001-1' })
    expect(gone).toMatchObject({ code: 'dump-failed' })
  })

  test('killed', async () => {
    const result = { exitCode: null, endedBy: 'SIGKILL', stderr: '' }
    expect(explainDumpEnd(result, 'x')).toMatchObject({ code: 'dump-failed' })
    expect(explainDumpEnd(result, 'x').message).toContain('SIGKILL')
  })
})
