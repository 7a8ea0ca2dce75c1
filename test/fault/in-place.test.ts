// What can go wrong around a restore in place, and what the tenant has afterwards: never less than before.
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type BackupId, newBackupId, type RunId } from '../../src/domain/ids.js'
import type { Manifest } from '../../src/domain/manifest.js'
import { keptName, stagingRun } from '../../src/domain/restore-names.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { openBackup } from '../../src/jobs/open-backup.js'
import { restoreInPlace } from '../../src/jobs/restore-in-place.js'
import { connect } from '../../src/postgres/connection.js'
import { commitManifest } from '../../src/repository/manifests.js'
import { chunkKey } from '../../src/store/keys.js'
import { until } from '../kit/clock.js'
import { contentHash } from '../kit/content-hash.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { databasesOf, putBack, putBackFails } from '../kit/in-place.js'

const LIVE = 'gmah_org_a'
let scene: Scene
let first: Manifest
beforeAll(async () => {
  scene = await setScene(['a'], { rows: 4000, settings: { max_prepared_transactions: '2' } })
  await scene.cluster.sql('postgres', 'CREATE ROLE clerk')
  await scene.cluster.sql(LIVE, 'GRANT SELECT ON notes TO clerk; CREATE INDEX ON items (word)')
  const { report, failure } = await scene.here.night()
  expect(failure).toBeNull()
  first = report?.succeeded.find(one => one.subject === 'tenants/a') as Manifest
  await scene.cluster.sql(LIVE, 'DELETE FROM items WHERE id > 500')
})
afterAll(() => scene.end())
afterEach(() => scene.tools.straighten())

/** It fails, and the tenant has what it had: data, name, connections. */
async function changesNothing(...asked: Parameters<typeof putBackFails>) {
  const { cluster } = scene
  const [data, databases] = [await contentHash(cluster, LIVE), await databasesOf(cluster)]
  const failure = await putBackFails(...asked)
  expect([await contentHash(cluster, LIVE), await databasesOf(cluster)]).toEqual([data, databases])
  return failure
}

const safetyCopies = () => scene.manifests('tenants/a').filter(key => key.includes('before-restore')).length

/** A backup like the newest of `a`, but for what `change` makes of its facts. */
async function doctored(change: (dump: NonNullable<Manifest['dump']>) => object): Promise<BackupId> {
  const { repository } = scene.here.parts()
  const { key, manifest } = await openBackup(repository, subjectNamed('a'), first.backup)
  const dump = { ...manifest.dump!, ...change(manifest.dump!) }
  const backup = newBackupId()
  await commitManifest(repository.store, key, {
    ...manifest,
    backup,
    dump,
    instant: '2020-01-01T00:00:00.000Z',
  })
  return backup
}

describe('found before anything is done, the safety copy included', () => {
  test('an extension is missing', async () => {
    const extension = { name: 'timescaledb', version: '2', schema: 'public' }
    const backup = await doctored(({ extensions }) => ({ extensions: [...extensions, extension] }))
    expect(await changesNothing(scene.here, 'a', { backup })).toMatchObject({ code: 'extension-missing' })
    expect(safetyCopies()).toBe(0)
  })

  test('roles are missing', async () => {
    const backup = await doctored(({ roles }) => ({ roles: [...roles, 'stranger'] }))
    expect(await changesNothing(scene.here, 'a', { backup })).toMatchObject({
      code: 'roles-missing',
      hint: expect.stringContaining('--with-roles'),
    })
  })

  test('a prepared transaction, which no connection holds', async () => {
    await scene.cluster.sql(
      LIVE,
      `BEGIN; INSERT INTO notes (body) VALUES ('held'); PREPARE TRANSACTION 'left over'`,
    )
    const failure = await putBackFails(scene.here, 'a')
    expect(failure).toMatchObject({ code: 'swap-blocked', message: expect.stringContaining('left over') })
    await scene.cluster.sql(LIVE, `ROLLBACK PREPARED 'left over'`)
    expect(safetyCopies()).toBe(0)
  })
})

test('the safety copy fails: nothing is loaded, nothing is swapped', async () => {
  const { tools, here } = scene
  tools.twist('pg_dump', { database: LIVE, pass: 10_000, exit: 1 })
  const failure = await changesNothing(here, 'a')
  expect(failure).toMatchObject({
    code: 'dump-failed',
    message: expect.stringContaining('nothing was changed'),
    hint: expect.stringContaining('--without-safety-copy'),
  })
  expect([safetyCopies(), here.events('swap-step')]).toEqual([0, []])
  expect(scene.told()).toMatchObject({
    outcome: 'failed',
    error: 'dump-failed',
    failed: { 'tenants/a': 'dump-failed' },
  })
})

test('no room while an index is built', async () => {
  // What PostgreSQL may write for sorting stands in for the disk: the statement fails midway, as it does without room.
  const { cluster, here } = scene
  await cluster.sql(
    'postgres',
    `ALTER ROLE postgres SET temp_file_limit = '0'; ALTER ROLE postgres SET maintenance_work_mem = '1MB'`,
  )
  const failure = await changesNothing(here, 'a')
  await cluster.sql('postgres', 'ALTER ROLE postgres RESET ALL')
  expect(failure).toMatchObject({
    code: 'restore-failed',
    message: expect.stringContaining('temp_file_limit'),
  })
  expect(here.events('swap-step')).toEqual([])
})

test('the proof finds a difference: nothing is swapped', async () => {
  scene.tools.twist('pg_restore', { input: true, flip: 300_001 })
  expect(await changesNothing(scene.here, 'a')).toMatchObject({ code: 'proof-failed' })
  expect(scene.here.events('swap-step')).toEqual([])
})

test.each([
  ['renamed', false],
  ['renamed, and another has its name,', true],
])('the database is %s while the backup is loaded: all are left alone', async (what, another) => {
  const { cluster, tools, here, gate } = scene
  const stop = gate(what)
  tools.twist('pg_restore', { input: true, gate: stop.path, gateAt: 5_000 })
  const restoring = putBackFails(here, 'a')
  await until(stop.reached)
  await cluster.sql('postgres', `ALTER DATABASE ${LIVE} RENAME TO elsewhere`)
  if (another) await cluster.sql('postgres', `CREATE DATABASE ${LIVE}`)
  stop.open()
  expect(await restoring).toMatchObject({
    code: 'swap-blocked',
    message: expect.stringContaining('meanwhile'),
  })
  expect(await databasesOf(cluster)).toEqual(['elsewhere', 'gmah_master', ...(another ? [LIVE] : [])])
  if (another) await cluster.sql('postgres', `DROP DATABASE ${LIVE}`)
  await cluster.sql('postgres', `ALTER DATABASE elsewhere RENAME TO ${LIVE}`)
})

test('two at once: the second is refused, in this process and from another machine; the first goes on', async () => {
  const { tools, here, gate } = scene
  const stop = gate('two')
  tools.twist('pg_restore', { input: true, gate: stop.path, gateAt: 5_000 })
  const restoring = putBack(here, 'a')
  await until(stop.reached)
  expect(await putBackFails(here, 'a')).toMatchObject({ code: 'subject-busy' })
  const request = { subject: subjectNamed('a'), backup: 'latest', withRoles: false, withoutSafetyCopy: null }
  const context = { run: 'ffffffffffff' as RunId, signal: new AbortController().signal, emit: () => {} }
  await expect(restoreInPlace(here.parts(), request, context)).rejects.toMatchObject({ code: 'subject-busy' })
  stop.open()
  expect((await restoring).proof.differences).toEqual([])
})

test('somebody looks into what is loaded, and stays: ended, and the two change places', async () => {
  const { cluster, tools, here, gate } = scene
  const stop = gate('looked into')
  tools.twist('pg_restore', { input: true, gate: stop.path, gateAt: 5_000 })
  const restoring = putBack(here, 'a')
  await until(stop.reached)
  const [staging = ''] = (await databasesOf(cluster)).filter(name => stagingRun(name) !== null)
  const looking = await connect(cluster.target, staging)
  stop.open()
  const { endedConnections, kept } = await restoring
  expect(endedConnections).toBeGreaterThan(0)
  await looking.close()
  await cluster.sql('postgres', `DROP DATABASE "${kept}"`)
})

test('a transaction that is prepared while the backup is loaded: refused before anybody is kept out', async () => {
  const { cluster, tools, here, gate } = scene
  const stop = gate('prepared')
  tools.twist('pg_restore', { input: true, gate: stop.path, gateAt: 5_000 })
  const steps = here.events('swap-step').length
  const restoring = putBackFails(here, 'a')
  await until(stop.reached)
  await cluster.sql(LIVE, `BEGIN; INSERT INTO notes (body) VALUES ('held'); PREPARE TRANSACTION 'since'`)
  stop.open()
  expect(await restoring).toMatchObject({ code: 'swap-blocked', message: expect.stringContaining('since') })
  expect(here.events('swap-step')).toHaveLength(steps)
  await cluster.sql(LIVE, `ROLLBACK PREPARED 'since'`)
})

test('a storm of clients, superusers too, does not keep the swap from its end', async () => {
  const { cluster, here } = scene
  const { host, port, user } = cluster.target
  const storm = { over: false, turns: 0 }
  const one = async () => {
    while (!storm.over) {
      const client = new Client({ host, port, user, database: LIVE })
      client.on('error', () => {})
      await client
        .connect()
        .then(() => client.query('SELECT 1'))
        .catch(() => {})
      await client.end().catch(() => {})
      storm.turns += 1
    }
  }
  const clients = Array.from({ length: 10 }, one)
  const report = await putBack(here, 'a')
  storm.over = true
  await Promise.all(clients)
  expect(report.proof.differences).toEqual([])
  expect(storm.turns).toBeGreaterThan(clients.length)
  expect(await cluster.sql(LIVE, 'SELECT count(*)::int AS count FROM items')).toEqual([{ count: 4000 }])
})

test('the newest backup is broken inside, which only reading shows: the one before is restored, and that is said', async () => {
  const { cluster, here } = scene
  await cluster.sql(LIVE, `UPDATE items SET word = md5(word) WHERE id > 3900`)
  const second = (await here.night({ names: ['a'] })).report?.succeeded[0] as Manifest
  const own = second.chunks.find(chunk => !first.chunks.some(other => other.id === chunk.id))!
  const { store } = here.parts().repository
  const where = chunkKey(second.subject, own.id)
  const body = Buffer.from((await store.get(where)).body)
  body[body.length - 40]! ^= 1
  await store.put(where, body)
  const report = await putBack(here, 'a')
  expect(report.manifest.backup).toBe(first.backup)
  expect(report.passedOver).toMatchObject([{ backup: second.backup, code: 'object-corrupt' }])
  expect(here.events('backup-passed-over')).toMatchObject([{ facts: { backup: second.backup } }])
  // By its id it is that one or nothing.
  expect(await putBackFails(here, 'a', { backup: second.backup })).toMatchObject({ code: 'object-corrupt' })
})

test('the database is already gone, and a role with it: restored, with nothing to put aside', async () => {
  const { cluster, here } = scene
  for (const name of await databasesOf(cluster)) {
    if (name !== 'gmah_master')
      await cluster.sql('postgres', `DROP DATABASE "${name.replace(' (closed)', '')}"`)
  }
  await cluster.sql('postgres', 'DROP ROLE clerk')
  expect(await putBackFails(here, 'a')).toMatchObject({ code: 'roles-missing' })
  const report = await putBack(here, 'a', { withRoles: true })
  expect(report).toMatchObject({
    kept: null,
    keptUntil: null,
    safetyCopy: null,
    downtimeMs: null,
    createdRoles: ['clerk'],
  })
  expect(await databasesOf(cluster)).toEqual(['gmah_master', LIVE])
})

describe('on the command line', () => {
  test('nothing happens without the name: 5; with --plan it only says', async () => {
    const { here, cluster } = scene
    const before = await databasesOf(cluster)
    for (const more of [[], ['--yes-restore', 'b']]) {
      const { exitCode, stderr } = await here.cli('restore', 'a', '--in-place', ...more)
      expect([exitCode, stderr]).toEqual([5, expect.stringContaining('[confirmation-missing]')])
      expect(stderr).toContain('--yes-restore a')
    }
    const { exitCode, stdout } = await here.cli('restore', 'a', '--in-place', '--plan')
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^in place\s+gmah_org_a$/m)])
    expect((await here.cli('restore', 'a', '--in-place', '--without-safety-copy')).exitCode).toBe(2)
    expect(await databasesOf(cluster)).toEqual(before)
  })

  test('done, listed, undone', async () => {
    const { here, cluster } = scene
    await cluster.sql(LIVE, 'DELETE FROM items')
    const words = ['--without-safety-copy', '--why', 'a test', '--yes-restore', 'a']
    const { exitCode, stdout } = await here.cli('restore', 'a', '--in-place', ...words)
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^connections were refused for [\d.]+ m?s/m)
    const run = /restore undo ([0-9a-f]{12})$/m.exec(stdout)?.[1] as RunId
    expect(here.app.journal.run(run)?.facts).toMatchObject({ withoutSafetyCopy: 'a test', safetyCopy: null })
    const list = JSON.parse((await here.cli('--json', 'restore', 'list')).stdout)
    expect(list).toMatchObject([{ database: keptName(LIVE, run), run, live: LIVE, drop: false }])
    expect((await here.cli('restore', 'undo', run)).exitCode).toBe(5)
    expect((await here.cli('restore', 'undo', run, '--yes-restore', 'a')).exitCode).toBe(0)
    expect(await cluster.sql(LIVE, 'SELECT count(*)::int AS count FROM items')).toEqual([{ count: 0 }])
    expect((await here.cli('restore', 'undo', run, '--yes-restore', 'a')).exitCode).toBe(4)
  })

  test('undone when nothing has the name any more; a beginning of two runs is refused', async () => {
    const { here, cluster } = scene
    const list = JSON.parse((await here.cli('--json', 'restore', 'list')).stdout)
    expect(list).toMatchObject([{ live: LIVE }])
    await cluster.sql('postgres', `DROP DATABASE "${LIVE}"`)
    const words = ['--yes-restore', 'a']
    expect((await here.cli('restore', 'undo', list[0].run, ...words)).exitCode).toBe(0)
    expect(await databasesOf(cluster)).toEqual(['gmah_master', LIVE])
    const twins = ['abcd00000001', 'abcd00000002'].map(run => keptName(LIVE, run as RunId))
    for (const name of twins) await cluster.sql('postgres', `CREATE DATABASE "${name}"`)
    const { exitCode, stderr } = await here.cli('restore', 'undo', 'abcd', ...words)
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('the beginning of 2 runs')])
    for (const name of twins) await cluster.sql('postgres', `DROP DATABASE "${name}"`)
  })
})
