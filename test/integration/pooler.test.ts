// A real PgBouncer in the path is told from PostgreSQL, whatever its mode and however lenient it is.
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connection.js'
import { discover } from '../../src/postgres/discover.js'
import { openSnapshot } from '../../src/postgres/snapshot.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { type Bouncer, startBouncer } from '../kit/pgbouncer.js'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

async function through<Result>(
  options: Parameters<typeof startBouncer>[1],
  work: (bouncer: Bouncer) => Promise<Result>,
): Promise<Result> {
  const bouncer = await startBouncer(cluster, options)
  try {
    return await work(bouncer)
  } finally {
    await bouncer.stop()
  }
}

test.each([
  ['transaction mode', { mode: 'transaction' }],
  ['session mode', { mode: 'session' }],
  [
    'one that overlooks start-up parameters',
    { settings: 'ignore_startup_parameters = options,extra_float_digits' },
  ],
])('%s', async (_name, options) => {
  await through(options, async ({ target }) => {
    const poolerInPath = { code: 'pooler-in-path', retryable: false }
    for (let times = 0; times < 3; times++) {
      await expect(connect(target, 'postgres')).rejects.toMatchObject(poolerInPath)
    }
    await expect(openSnapshot(target, 'postgres')).rejects.toMatchObject(poolerInPath)
    await expect(discover(target, { pattern: /(?<tenant>.+)/, master: null })).rejects.toMatchObject(
      poolerInPath,
    )
  })
})

test('a database that is not there, behind a pooler', async () => {
  await through({}, async ({ target }) => {
    // Until 1.18 it speaks as PostgreSQL never does (08P01); later ones answer just as PostgreSQL would (3D000).
    const code = expect.stringMatching(/^(pooler-in-path|postgres-denied)$/)
    await expect(connect(target, 'absent')).rejects.toMatchObject({ code })
  })
})

test('nothing of ours stays in the pooled connections', async () => {
  await cluster.sql('postgres', "ALTER ROLE postgres SET statement_timeout = '1h'")
  await through({}, async ({ target }) => {
    await expect(connect(target, 'postgres')).rejects.toMatchObject({ code: 'pooler-in-path' })
    const client = new Client({
      host: target.host,
      port: target.port,
      user: target.user,
      database: 'postgres',
    })
    await client.connect()
    expect((await client.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '1h' }])
    await client.end()
  })
})
