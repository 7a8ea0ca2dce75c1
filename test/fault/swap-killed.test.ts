// A restore in place killed at every step of its swap: the tenant is reachable under its name after the next start, with
// its old data or with the restored, and PgBouncer lets its clients go.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keptName } from '../../src/domain/restore-names.js'
import { closeDeadRuns, closeLastLife } from '../../src/jobs/daemon-work.js'
import { silentLogger } from '../../src/sys/log.js'
import { contentHash } from '../kit/content-hash.js'
import { editConfig } from '../kit/daemon.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { databasesOf, putBack, undo } from '../kit/in-place.js'
import { type Bouncer, startBouncer } from '../kit/pgbouncer.js'

const LIVE = 'gmah_org_a'
const CHILD = new URL('../../dist/test/kit/swap-child.js', import.meta.url).pathname
let scene: Scene
let bouncer: Bouncer
let sound: unknown
let wrecked: unknown
beforeAll(async () => {
  scene = await setScene(['a'], { rows: 200 })
  bouncer = await startBouncer(scene.cluster, { settings: 'server_login_retry = 1' })
  editConfig(scene.here, config => {
    config.postgres = { ...config.postgres, pgbouncer: { ...bouncer.target, pause_wait: '30s' } }
  })
  await scene.here.reopen()
  expect(await scene.here.night()).toMatchObject({ failure: null })
  sound = await contentHash(scene.cluster, LIVE)
  await scene.cluster.sql(LIVE, 'DELETE FROM items WHERE id % 2 = 0')
  wrecked = await contentHash(scene.cluster, LIVE)
})
afterAll(async () => {
  await bouncer.stop()
  await scene.end()
})

/** A client that comes through PgBouncer: while the database is paused it would wait for ever. */
async function throughPooler(): Promise<unknown> {
  const { host, port, user } = bouncer.target
  const client = new Client({ host, port, user, database: LIVE, query_timeout: 90_000 })
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query('SELECT count(*)::int AS count FROM items')
  await client.end()
  return rows[0].count
}

async function killed(when: string, what: string, ...work: string[]) {
  const child = spawn(process.execPath, [CHILD, scene.here.configFile, when, what, ...work], {
    stdio: 'inherit',
  })
  const [code, signal] = await once(child, 'exit')
  expect([code, signal]).toEqual([null, 'SIGKILL'])
  const [run] = scene.here.app.journal.runs({ limit: 1 })
  expect(run?.outcome).toBe('running')
  return run!.id
}

const repaired = (run: string) =>
  scene.here
    .events('swap-repaired')
    .filter(event => event.run === run)
    .map(event => event.facts)

const PLACES = [
  ['after', 'restore-started', 'as-before'],
  ['after', 'backup-started', 'as-before'],
  ['before', 'proof-passed', 'as-before'],
  ['before', 'pause', 'as-before'],
  ['after', 'pause', 'as-before'],
  ['after', 'close', 'as-before'],
  ['after', 'rename', 'as-before'],
  ['before', 'resume', 'swapped'],
  ['after', 'resume', 'swapped'],
  ['before', 'swap-finished', 'swapped'],
] as const

test.each(PLACES)('killed %s %s is noted: %s', async (when, what, outcome) => {
  const { cluster, here } = scene
  const run = await killed(when, what, 'restore', 'a')
  // In turn a daemon's start and the next command do it.
  if (when === 'before') await closeDeadRuns(here.parts(), here.app.journal)
  await closeLastLife(here.parts(), here.app.journal, silentLogger())
  const noted =
    outcome === 'swapped' || ['close', 'rename'].includes(what) || (what === 'pause' && when === 'after')
  expect(repaired(run)).toMatchObject(noted ? [{ live: LIVE, outcome }] : [])
  const kept = keptName(LIVE, run)
  expect(await databasesOf(cluster)).toEqual(
    outcome === 'swapped' ? ['gmah_master', LIVE, `${kept} (closed)`] : ['gmah_master', LIVE],
  )
  expect(await contentHash(cluster, LIVE)).toEqual(outcome === 'swapped' ? sound : wrecked)
  expect(await throughPooler()).toBe(outcome === 'swapped' ? 200 : 100)
  expect(here.app.journal.run(run)?.outcome).toBe('interrupted')
  // Once is enough.
  await closeLastLife(here.parts(), here.app.journal, silentLogger())
  expect(repaired(run)).toHaveLength(noted ? 1 : 0)
  if (outcome !== 'swapped') return
  await undo(here, run)
  expect(await contentHash(cluster, LIVE)).toEqual(wrecked)
  for (const name of await databasesOf(cluster)) {
    if (name.includes('__before_'))
      await cluster.sql('postgres', `DROP DATABASE "${name.replace(' (closed)', '')}"`)
  }
})

test('an undo killed at each side of the renames keeps both databases', async () => {
  const { cluster, here } = scene
  await putBack(here, 'a')
  const first = here.app.journal.runs({ limit: 1 })[0]!.id
  const kept = `${keptName(LIVE, first)} (closed)`
  await killed('after', 'rename', 'undo', first)
  await closeLastLife(here.parts(), here.app.journal, silentLogger())
  expect(await databasesOf(cluster)).toEqual(['gmah_master', LIVE, kept])
  expect(await contentHash(cluster, LIVE)).toEqual(sound)
  const second = await killed('before', 'resume', 'undo', first)
  await closeLastLife(here.parts(), here.app.journal, silentLogger())
  expect(await databasesOf(cluster)).toEqual(['gmah_master', LIVE, `${keptName(LIVE, second)} (closed)`])
  expect(await contentHash(cluster, LIVE)).toEqual(wrecked)
  expect(await throughPooler()).toBe(100)
})
