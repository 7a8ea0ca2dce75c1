// The last rename of a restore, whose answer gets lost: what is there tells whether it happened, and nobody is told the wrong thing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PostgresConfig } from '../../src/domain/configuration.js'
import { withSession } from '../../src/postgres/connection.js'
import { databaseOid } from '../../src/postgres/databases.js'
import { giveDatabaseName, giveSchemaName } from '../../src/restore/give-name.js'
import { swapDatabases } from '../../src/restore/swap.js'
import { systemClock } from '../../src/sys/clock.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { type PostgresProxy, startPostgresProxy } from '../kit/postgres-proxy.js'

let cluster: Cluster
let proxy: PostgresProxy
beforeAll(async () => {
  cluster = await startCluster()
  proxy = await startPostgresProxy(cluster.target)
  await cluster.createDatabase({ name: 'live', sql: 'CREATE SCHEMA taken' })
})
afterAll(async () => {
  await proxy.stop()
  await cluster.stop()
})

const NEVER = /^$/
const KINDS = {
  database: {
    make: (name: string) => cluster.createDatabase({ name }),
    give: (from: string, to: string) => giveDatabaseName(proxy.target, from, to),
    names: () => cluster.sql<{ name: string }>('postgres', 'SELECT datname::text AS name FROM pg_database'),
    taken: 'live',
  },
  schema: {
    make: (name: string) => cluster.sql('live', `CREATE SCHEMA ${name}`),
    give: (from: string, to: string) => giveSchemaName(proxy.target, 'live', from, to),
    names: () => cluster.sql<{ name: string }>('live', 'SELECT nspname::text AS name FROM pg_namespace'),
    taken: 'taken',
  },
}

describe.each(['database', 'schema'] as const)('a %s', kind => {
  const { make, give, names, taken } = KINDS[kind]
  const there = async (...wanted: string[]) => {
    const all = (await names()).map(one => one.name)
    return wanted.filter(name => all.includes(name))
  }

  test.each([
    ['whose answer is lost', 'afterwards', ['given_afterwards']],
    ['whose statement never arrived', 'instead', ['made_instead']],
  ] as const)('%s', async (_, when, left) => {
    await make(`made_${when}`)
    proxy.cut(/RENAME TO/, when)
    const given = give(`made_${when}`, `given_${when}`)
    if (when === 'afterwards') await given
    else await expect(given).rejects.toMatchObject({ code: expect.stringMatching(/^postgres-/) })
    expect(await there(`made_${when}`, `given_${when}`)).toEqual(left)
  })

  test('a name that is taken is refused', async () => {
    proxy.cut(NEVER, 'instead')
    await make('made_twice')
    await expect(give('made_twice', taken)).rejects.toMatchObject({ code: 'target-exists' })
    expect(await there('made_twice', taken)).toHaveLength(2)
  })
})

describe('two databases that change places', () => {
  const open = (database: string) =>
    cluster.sql(database, 'SELECT').then(
      () => true,
      () => false,
    )

  test.each([
    ['the answer is lost: they have', 'afterwards', true],
    ['the statement never arrived: they have not', 'instead', false],
  ] as const)('%s', async (_, when, swapped) => {
    const names = { live: `live_${when}`, incoming: `incoming_${when}`, kept: `kept_${when}` }
    for (const name of [names.live, names.incoming]) await cluster.createDatabase({ name })
    const oidOf = (name: string) =>
      withSession(cluster.target, 'postgres', {}, session => databaseOid(session, name))
    const [before, incoming] = [await oidOf(names.live), await oidOf(names.incoming)]
    proxy.cut(/RENAME TO/, when)
    const target = { ...proxy.target, pgbouncer: null } as unknown as PostgresConfig
    const notes: string[] = []
    const note = (step: string): void => void notes.push(step)
    const swapping = swapDatabases(names, {
      target,
      clock: systemClock,
      begin: () => {},
      note,
      liveOid: before,
    })
    if (swapped) expect(await swapping).toMatchObject({ downtimeMs: null })
    else await expect(swapping).rejects.toMatchObject({ code: expect.stringMatching(/^postgres-/) })
    expect(await oidOf(names.live)).toBe(swapped ? incoming : before)
    expect([await oidOf(names.incoming), await oidOf(names.kept)]).toEqual(
      swapped ? [null, before] : [incoming, null],
    )
    expect([await open(names.live), await open(swapped ? names.kept : names.incoming)]).toEqual([true, false])
    expect(notes).toEqual(['pause', 'close', 'rename', 'resume'])
  })
})
