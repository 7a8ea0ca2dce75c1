// A tenant is wrecked and put back in place, undone and done again, under load, with and without PgBouncer.
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import type { RunId } from '../../src/domain/ids.js'
import { keptName } from '../../src/domain/restore-names.js'
import { keptDatabases } from '../../src/jobs/kept-databases.js'
import { look } from '../../src/jobs/list-tenants.js'
import { sweepKept } from '../../src/jobs/sweep-kept.js'
import { planKept } from '../../src/retention/plan-kept.js'
import { until } from '../kit/clock.js'
import { contentHash } from '../kit/content-hash.js'
import { editConfig } from '../kit/daemon.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { databasesOf, putBack, undo } from '../kit/in-place.js'
import { startBouncer } from '../kit/pgbouncer.js'

let scene: Scene
const LIVE = 'gmah_org_a'
const signal = new AbortController().signal
beforeAll(async () => {
  scene = await setScene(['a'], { rows: 600 })
  await scene.cluster.sql(
    'postgres',
    `CREATE ROLE app LOGIN; ALTER DATABASE ${LIVE} OWNER TO app; REVOKE CONNECT ON DATABASE ${LIVE} FROM PUBLIC;
     GRANT CONNECT ON DATABASE ${LIVE} TO app; ALTER DATABASE ${LIVE} SET work_mem = '5MB'; ALTER DATABASE ${LIVE} CONNECTION LIMIT 40;
     COMMENT ON DATABASE ${LIVE} IS 'the first'`,
  )
  expect(await scene.here.night()).toMatchObject({ failure: null })
})
afterAll(() => scene.end())

const wreck = () => scene.cluster.sql(LIVE, 'DELETE FROM items WHERE id % 2 = 0; DROP TABLE notes')
const properties = () =>
  scene.cluster.sql(
    'postgres',
    `SELECT datdba::regrole::text, datconnlimit, datacl::text, datallowconn, shobj_description(d.oid, 'pg_database') AS comment,
            (SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = d.oid AND setrole = 0) AS settings
     FROM pg_database d WHERE datname = '${LIVE}'`,
  )
const newestRun = () => scene.here.app.journal.runs({ limit: 1 })[0]?.id as RunId

describe('wrecked, put back, undone, done again', () => {
  test('every row, right and setting is as in the backup; what was there is kept, closed', async () => {
    const { cluster, here } = scene
    const [sound, before] = [await contentHash(cluster, LIVE), await properties()]
    await wreck()
    const wrecked = await contentHash(cluster, LIVE)
    // The newest not after this, and not the copy of the wreck that is made meanwhile.
    const report = await putBack(here, 'a', { backup: '2999-01-01T00:00:00Z' })
    const run = newestRun()
    expect(report).toMatchObject({
      database: LIVE,
      kept: keptName(LIVE, run),
      createdRoles: [],
      passedOver: [],
    })
    expect(report.proof.differences).toEqual([])
    expect(report.downtimeMs).toBeGreaterThan(0)
    expect(report.safetyCopy).toMatchObject({ kind: 'before-restore' })
    expect(await databasesOf(cluster)).toEqual(['gmah_master', LIVE, `${keptName(LIVE, run)} (closed)`])
    expect([await contentHash(cluster, LIVE), await properties()]).toEqual([sound, before])
    expect(here.events('swap-step').map(event => (event.facts as { step: string }).step)).toEqual([
      'pause',
      'close',
      'rename',
      'resume',
    ])
    expect(here.events('swap-finished')).toMatchObject([
      { run, facts: { live: LIVE, kept: keptName(LIVE, run) } },
    ])

    // A superuser too is refused at the one that is put aside.
    await expect(cluster.sql(keptName(LIVE, run), 'SELECT 1')).rejects.toMatchObject({
      facts: { sqlstate: '55000' },
    })
    // And it is nobody's tenant.
    const { subjects, skipped } = await look(here.parts(), signal)
    expect(subjects.map(one => one.id)).toEqual(['platform/globals', 'platform/master', 'tenants/a'])
    expect(skipped).toContainEqual({
      database: keptName(LIVE, run),
      reason: `was put aside by the restore of run ${run}`,
    })

    const undone = await undo(here, run.slice(0, 6))
    const undoRun = newestRun()
    expect(undone.kept).toBe(keptName(LIVE, undoRun))
    expect(await contentHash(cluster, LIVE)).toEqual(wrecked)
    expect(await databasesOf(cluster)).toEqual(['gmah_master', LIVE, `${keptName(LIVE, undoRun)} (closed)`])
    // `latest` must not be the safety copy of the wreck.
    const again = await putBack(here, 'a')
    expect(again.manifest.backup).toBe(report.manifest.backup)
    expect([await contentHash(cluster, LIVE), await properties()]).toEqual([sound, before])
    await undo(here, newestRun())
    await undo(here, newestRun())
    expect(await contentHash(cluster, LIVE)).toEqual(sound)
  })

  test('what was put aside is listed, stays its days, and only then is dropped', async () => {
    const { cluster, here } = scene
    const kept = await keptDatabases(here.parts())
    expect(kept.length).toBeGreaterThan(0)
    expect(kept[0]).toMatchObject({ live: LIVE, liveThere: true, subject: 'tenants/a' })
    const { stdout } = await here.cli('restore', 'list')
    for (const one of kept) expect(stdout).toContain(one.database)
    const total = new RegExp(`put aside by restores in place\n${kept.length} databases?, .* until 20`)
    expect((await here.cli('status')).stdout).toMatch(total)
    const sweep = (after: number) => {
      const clock = { ...here.parts().clock, now: () => new Date(Date.now() + after) }
      const context = { run: 'ffffffffffff' as RunId, signal, emit: () => {} }
      return sweepKept({ ...here.parts(), clock }, context)
    }
    const DAY_MS = 86_400_000
    expect((await sweep(6.9 * DAY_MS)).dropped).toEqual([])
    const { dropped, failed } = await sweep(7.1 * DAY_MS)
    expect(failed).toEqual([])
    expect(dropped.sort()).toEqual(kept.map(one => one.database).sort())
    expect(await databasesOf(cluster)).toEqual(['gmah_master', LIVE])
  })
})

test('the sweep keeps what is the last, of unknown age, or nobody knows whose', () => {
  const now = new Date('2026-11-23T00:00:00Z')
  const until = new Date('2026-11-22T00:00:00Z')
  const one = { database: 'x__before_0123456789ab', live: 'x', liveThere: true, until }
  const all = [one, { ...one, liveThere: false }, { ...one, until: null }, { ...one, live: null }]
  expect(planKept(all, now).map(({ drop, reason }) => [drop, reason.slice(0, 20)])).toEqual([
    [true, 'its days ended 2026-'],
    [false, 'x is not there: this'],
    [false, 'the journal does not'],
    [false, 'nobody knows whose i'],
  ])
  expect(planKept([one], new Date('2026-11-21T00:00:00Z'))[0]?.drop).toBe(false)
})

/** A client that asks without end, and comes back at once when it is thrown out. */
function hotClient(target: { host: string; port: number; user: string }) {
  const seen = { good: 0, bad: [] as { at: number; code: unknown }[], stopped: false }
  const once = async () => {
    const client = new Client({ ...target, database: LIVE, connectionTimeoutMillis: 90_000 })
    client.on('error', () => {})
    // An answer may be read late; when it was asked for says on which side of the swap it was.
    let askedAt = performance.now()
    try {
      await client.connect()
      while (!seen.stopped) {
        askedAt = performance.now()
        await client.query('INSERT INTO notes (body) VALUES (1) RETURNING id')
        seen.good += 1
      }
    } catch (error) {
      seen.bad.push({ at: askedAt, code: (error as { code?: unknown }).code })
    } finally {
      await client.end().catch(() => {})
    }
  }
  const running = (async () => {
    while (!seen.stopped) await once()
  })()
  return {
    seen,
    stop: async () => {
      seen.stopped = true
      await running
    },
  }
}

describe('under load', () => {
  test('directly: errors only inside the window, none after', async () => {
    const { cluster, here } = scene
    const { host, port, user } = cluster.target
    const clients = Array.from({ length: 6 }, () => hotClient({ host, port, user }))
    await until(() => clients.every(one => one.seen.good > 5))
    const report = await putBack(here, 'a')
    const [before, at] = [clients.map(one => one.seen.good), performance.now()]
    await until(() => clients.every((one, index) => one.seen.good > (before[index] ?? 0) + 20))
    await Promise.all(clients.map(one => one.stop()))
    expect(report.endedConnections).toBeGreaterThanOrEqual(6)
    expect(report.proof.differences).toEqual([])
    for (const { seen } of clients) {
      expect(seen.bad.length).toBeGreaterThan(0)
      expect(seen.bad.filter(one => one.at > at)).toEqual([])
    }
  })

  test('through PgBouncer: nobody notices but for a wait', async () => {
    const { cluster, here } = scene
    const bouncer = await startBouncer(cluster, { settings: 'max_client_conn = 50\ndefault_pool_size = 10' })
    editConfig(here, config => {
      config.postgres = { ...config.postgres, pgbouncer: { ...bouncer.target, pause_wait: '60s' } }
    })
    await here.reopen()
    const { host, port, user } = bouncer.target
    const clients = Array.from({ length: 4 }, () => hotClient({ host, port, user }))
    await until(() => clients.every(one => one.seen.good > 5))
    const report = await putBack(here, 'a')
    const before = clients.map(one => one.seen.good)
    await until(() => clients.every((one, index) => one.seen.good > (before[index] ?? 0) + 20))
    await Promise.all(clients.map(one => one.stop()))
    expect(report.poolerProblem).toBeNull()
    expect(report.pausedMs).toBeGreaterThan(0)
    expect(clients.flatMap(one => one.seen.bad)).toEqual([])
    await bouncer.stop()

    // Dead, it keeps nobody from being restored, and that is said.
    const without = await putBack(here, 'a')
    expect(without.poolerProblem).toMatchObject({ code: 'pooler-unreachable' })
    expect(without.pausedMs).toBeNull()
    expect(here.app.journal.run(newestRun())?.outcome).toBe('partial')
  })
})

test('a run that is told to stop before the swap leaves everything as it was', async () => {
  const { here, cluster } = scene
  const before = await databasesOf(cluster)
  const controller = new AbortController()
  controller.abort(new Failure('interrupted', 'interrupted by SIGINT'))
  await expect(putBack(here, 'a', { signal: controller.signal })).rejects.toMatchObject({
    code: 'interrupted',
  })
  expect(await databasesOf(cluster)).toEqual(before)
})

test('the master database comes back in place, the tenants untouched, and is undone like any other', async () => {
  const { here, cluster } = scene
  await here.night()
  const tenant = await contentHash(cluster, 'gmah_org_a')
  await cluster.sql('gmah_master', 'DROP TABLE organisations')
  const report = await putBack(here, 'platform/master')
  expect(report).toMatchObject({ database: 'gmah_master', proof: { differences: [] } })
  expect(report.safetyCopy?.subject).toBe('platform/master')
  const organisations = () =>
    cluster.sql('gmah_master', `SELECT to_regclass('public.organisations')::text AS name`)
  expect(await organisations()).toEqual([{ name: 'organisations' }])
  await undo(here, report.kept?.split('__before_')[1] ?? '')
  expect(await organisations()).toEqual([{ name: null }])
  expect(await contentHash(cluster, 'gmah_org_a')).toEqual(tenant)
})
