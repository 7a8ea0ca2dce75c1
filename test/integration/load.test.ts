// pg_restore from a stream: what was dumped comes back, and a failure leaves nothing and has a name.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connection.js'
import { explainRestoreEnd, type RestoreOptions, startRestore } from '../../src/postgres/load.js'
import { type Cluster, randomName, startCluster } from '../kit/cluster.js'
import { dump, tool } from '../kit/dumping.js'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

async function load(archive: Buffer, options: Partial<RestoreOptions> & { database: string }) {
  const child = await startRestore({ target: cluster.target, tool: await tool('pg_restore'), ...options })
  child.stdin.end(archive)
  return child.result
}

const SEED = `CREATE TABLE t (n int PRIMARY KEY, word text); INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, 5000) i;
  CREATE VIEW v AS SELECT count(*)::int AS n FROM t`

test('what was dumped comes back, owners and grants too', async () => {
  const [owner, guest] = [randomName('owner'), randomName('guest')]
  for (const role of [owner, guest]) await cluster.sql('postgres', `CREATE ROLE ${role}`)
  const original = await cluster.createDatabase({
    sql: `${SEED}; ALTER TABLE t OWNER TO ${owner}; GRANT SELECT ON t TO ${guest}`,
  })
  const { bytes } = await dump({ target: cluster.target, database: original })
  const copy = await cluster.createDatabase({ name: `copy of '${original}'=x` })
  expect(await load(bytes, { database: copy })).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await cluster.sql(copy, 'SELECT n FROM v')).toEqual([{ n: 5000 }])
  const rights = `SELECT relowner::regrole::text AS owner, relacl::text AS acl FROM pg_class WHERE relname = 't'`
  expect(await cluster.sql(copy, rights)).toEqual(await cluster.sql(original, rights))

  const bare = await cluster.createDatabase()
  await load(bytes, { database: bare, owners: false, grants: false })
  expect(await cluster.sql(bare, rights)).toEqual([{ owner: 'postgres', acl: null }])
})

describe('a failure leaves nothing', () => {
  const tables = async (database: string) =>
    (await cluster.sql(database, `SELECT 1 FROM pg_class WHERE relname IN ('t', 'v')`)).length

  test('a truncated archive', async () => {
    const { bytes } = await dump({
      target: cluster.target,
      database: await cluster.createDatabase({ sql: SEED }),
    })
    const database = await cluster.createDatabase()
    const result = await load(bytes.subarray(0, bytes.length - 3000), { database })
    expect(explainRestoreEnd(result, database)).toMatchObject({ code: 'restore-failed' })
    expect(result.exitCode).not.toBe(0)
    expect(await tables(database)).toBe(0)
  })

  test('a role that is not there', async () => {
    const owner = randomName('owner')
    await cluster.sql('postgres', `CREATE ROLE ${owner}`)
    const original = await cluster.createDatabase({ sql: `${SEED}; ALTER TABLE t OWNER TO ${owner}` })
    const { bytes } = await dump({ target: cluster.target, database: original })
    await cluster.sql('postgres', `DROP DATABASE ${original}`)
    await cluster.sql('postgres', `DROP ROLE ${owner}`)
    const database = await cluster.createDatabase()
    const failure = explainRestoreEnd(await load(bytes, { database }), database)
    expect(failure).toMatchObject({ code: 'roles-missing', message: expect.stringContaining(owner) })
    expect(await tables(database)).toBe(0)
  })

  test('an archive of something else, no database, no right', async () => {
    const { bytes } = await dump({
      target: cluster.target,
      database: await cluster.createDatabase({ sql: SEED }),
    })
    const database = await cluster.createDatabase()
    const explain = async (archive: Buffer, options: Partial<RestoreOptions> = {}) => {
      const result = await load(archive, { database, ...options })
      expect(result.exitCode).not.toBe(0)
      return explainRestoreEnd(result, database).code
    }
    expect(await explain(Buffer.from('nonsense'))).toBe('restore-failed')
    expect(await explain(bytes, { database: 'absent' })).toBe('postgres-denied')
    await cluster.sql('postgres', 'CREATE ROLE nobody LOGIN')
    expect(await explain(bytes, { target: cluster.as('nobody') })).toBe('postgres-denied')
    expect(await tables(database)).toBe(0)
  })

  test('an abort in the middle', async () => {
    const { bytes } = await dump({
      target: cluster.target,
      database: await cluster.createDatabase({ sql: SEED }),
    })
    const database = await cluster.createDatabase()
    const controller = new AbortController()
    const child = await startRestore({
      ...{ target: cluster.target, tool: await tool('pg_restore'), database, signal: controller.signal },
    })
    child.stdin.write(bytes.subarray(0, bytes.length - 3000))
    controller.abort(new Error('enough'))
    const result = await child.result
    expect(result.exitCode === 0).toBe(false)
    const session = await connect(cluster.target, database)
    await session.close()
    expect(await tables(database)).toBe(0)
  })
})
