// The last rename of a restore, whose answer gets lost: what is there tells whether it happened, and nobody is told the wrong thing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PostgresConfig } from '../../src/domain/configuration.js'
import { withSession } from '../../src/postgres/connection.js'
import { allowConnections, databaseOid } from '../../src/postgres/databases.js'
import { giveDatabaseName, giveSchemaName } from '../../src/restore/give-name.js'
import { settleSwap } from '../../src/restore/settle.js'
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

  test('whose statement is late: whoever would still do it is gone', async () => {
    await make('made_late')
    proxy.cut(/RENAME TO/, 'late')
    await expect(give('made_late', 'given_late')).rejects.toMatchObject({
      code: expect.stringMatching(/^postgres-/),
    })
    proxy.deliver()
    const behind = `SELECT FROM pg_stat_activity WHERE application_name = 'gmah-backup' AND pid <> pg_backend_pid()`
    await expect.poll(() => cluster.sql('postgres', behind), { timeout: 90_000 }).toEqual([])
    expect(await there('made_late', 'given_late')).toEqual(['made_late'])
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

describe('a swap that was cut short, with somebody’s hand in it', () => {
  const settled = async (there: string[]) => {
    const made = await Promise.all(there.map(name => cluster.createDatabase({ name })))
    const names = { live: 'cut_live', incoming: 'cut_incoming', kept: 'cut_kept' }
    const outcome = await withSession(cluster.target, 'postgres', {}, async session => {
      for (const name of made) await allowConnections(session, name, false)
      return settleSwap(session, names)
    })
    const rows = await cluster.sql<{ name: string; open: boolean }>(
      'postgres',
      `SELECT datname::text AS name, datallowconn AS open FROM pg_database WHERE datname LIKE 'cut\\_%' ORDER BY 1`,
    )
    for (const { name } of rows) await cluster.sql('postgres', `DROP DATABASE ${name}`)
    return [outcome, ...rows.map(({ name, open }) => (open ? `${name} open` : name))]
  }

  test.each([
    [['cut_kept'], ['as-before', 'cut_live open']],
    [
      ['cut_kept', 'cut_incoming'],
      ['as-before', 'cut_incoming', 'cut_live open'],
    ],
    [['cut_live'], ['as-before', 'cut_live open']],
    [
      ['cut_live', 'cut_incoming'],
      ['as-before', 'cut_incoming', 'cut_live open'],
    ],
    [
      ['cut_live', 'cut_kept'],
      ['swapped', 'cut_kept', 'cut_live open'],
    ],
    [['cut_incoming'], ['as-before', 'cut_incoming']],
    [[], ['as-before']],
  ])('of %j there is in the end %j', async (there, expected) => {
    expect(await settled(there)).toEqual(expected)
  })
})
