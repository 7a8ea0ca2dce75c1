// The program killed with -9 at random instants of a night: nothing half is listed, nothing committed is lost,
// and the next night is green for the price of what the dead one had not stored yet.

import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BackupId, RunId } from '../../src/domain/ids.js'
import type { Outcome } from '../../src/domain/run-events.js'
import { closeLastLife } from '../../src/jobs/daemon-work.js'
import { silentLogger } from '../../src/sys/log.js'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { editConfig, missNight, startCli, startDaemon } from '../kit/daemon.js'
import { dice } from '../kit/dice.js'
import { type Installation, install } from '../kit/installation.js'
import { auditStore, chunkKeys, openManifests, strangersTo } from '../kit/store-audit.js'

const ODD = 'Łódź & "Co"'
/** acme, the odd one, master and globals. */
const SUBJECTS = 4
/** Each life begins with an empty store, so that first nights are killed too. One kill in each is a daemon's. */
const LIVES = 10
const KILLS_A_LIFE = 5
/** KILL_SEED=… repeats the instants of a failure. */
const SEED = Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** Small chunks and a line that is slow after its first MiB: most instants of a night are in the middle of some put. */
const CONFIG = { dump: { cutter: { min: '32KiB', average: '64KiB', max: '256KiB' } } }
const LINE = { bandwidth_mib_per_second: 1 }
const NOISE = `(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 30 + 0 * id))`

let cluster: Cluster
/** How long a night that is left alone lasts here and now. */
let nightMs: number

beforeAll(async () => {
  cluster = await startPlatform({
    acme: `CREATE TABLE ledger AS SELECT id, ${NOISE} AS body FROM generate_series(1, 5000) AS id`,
  })
  const letters = 'CREATE TABLE letters AS SELECT n, md5(n::text) AS body FROM generate_series(1, 5000) AS n'
  await cluster.createDatabase({ name: `gmah_org_${ODD}`, sql: letters })
  const here = await installed()
  for (let night = 0; night < 2; night++) {
    await workingDay()
    await startCli(here, 'backup').ended
  }
  const last = here.app.journal.lastRun('backup-all', 'succeeded')
  nightMs = (last?.finishedAt?.getTime() ?? Number.NaN) - (last?.startedAt.getTime() ?? 0)
  await here.remove()
})

afterAll(() => cluster.stop())

/** The processes put over the slow line; the app that is open here does not. */
async function installed(): Promise<Installation> {
  const password = 'not needed, but it makes a file'
  const here = await install({ ...cluster.target, password }, { config: CONFIG })
  editConfig(here, config => Object.assign(config.store ?? {}, LINE))
  return here
}

/** Half of the ledger is written anew. */
const workingDay = () =>
  cluster.sql('gmah_org_acme', `UPDATE ledger SET body = ${NOISE} WHERE random() < 0.5`)

/** Starts a night and kills it; one that ends before its instant came is followed by another, killed sooner. */
async function killInTheNight(here: Installation, { by, kill, share }: Round): Promise<number> {
  for (let attempt = 0, afterMs = share * nightMs; attempt < 6; attempt++, afterMs *= 0.6) {
    await workingDay()
    if (by === 'daemon') missNight(here, 10 * kill + attempt)
    const { pid, ended, kill: end } = by === 'cli' ? startCli(here, 'backup') : startDaemon(here)
    const own = (state: Outcome) => here.app.journal.runs({ state }).some(run => run.process.pid === pid)
    await until(() => own('running') || own('succeeded'))
    await Promise.race([ended, pause(afterMs)])
    end('SIGKILL')
    await ended
    if (own('running')) return pid
  }
  throw new Error('six nights ended before their kill')
}

/** The environment of every process that is a client of our server. */
function clientsLeft(): string[] {
  return readdirSync('/proc').filter(pid => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`PGHOST=${cluster.target.host}\0`)
    } catch {
      return false
    }
  })
}

const sessionsLeft = () =>
  cluster.sql(
    'postgres',
    `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  )

async function nothingLeftRunning(): Promise<void> {
  // Each look costs a walk through /proc and a session, so it is not until()'s short beat.
  for (let looks = 0; looks < 300; looks++) {
    if (clientsLeft().length === 0 && (await sessionsLeft()).length === 0) return
    await pause(100)
  }
  throw new Error(`still there: processes ${clientsLeft()}, sessions ${JSON.stringify(await sessionsLeft())}`)
}

const passwordsOf = (pid: number): string[] =>
  readdirSync(tmpdir()).filter(name => name.startsWith(`gmah-passwords-${pid}-`))

/** The night after a killed one: by the daemon that starts again, or here, with what such a start does first. */
async function nextNight(here: Installation, by: 'daemon' | 'cli'): Promise<void> {
  if (by === 'cli') {
    await closeLastLife(here.parts(), here.app.journal, silentLogger())
    const { run, failure } = await here.night()
    expect([run.outcome, failure]).toEqual(['succeeded', null])
    return
  }
  const daemon = startDaemon(here)
  await daemon.ready
  await daemon.said(/^backup-all succeeded/)
  daemon.kill('SIGTERM')
  expect(await daemon.ended).toEqual({ code: 0, signal: null })
}

interface Round {
  by: 'daemon' | 'cli'
  /** Of its life's kills the how manieth. */
  kill: number
  /** Where in the night it comes: 0 is the beginning, 1 the end. */
  share: number
}

async function round(here: Installation, plan: Round, before: ReadonlySet<string>) {
  const pid = await killInTheNight(here, plan)
  await nothingLeftRunning()
  const ids = new Set((await auditStore(here.parts())).map(one => one.backup))
  expect([...before].filter(id => !ids.has(id as BackupId))).toEqual([])
  const stored = await chunkKeys(here.parts())
  const [dead] = here.app.journal.runs({ state: 'running' })

  await nextNight(here, plan.by)

  const interrupted = { outcome: 'interrupted', error: { code: 'interrupted' }, process: { pid } }
  expect(here.app.journal.run(dead?.id as RunId)).toMatchObject(interrupted)
  const [last] = here.app.journal.events({ run: dead?.id as RunId }).slice(-1)
  expect(last).toMatchObject({ type: 'run-interrupted', facts: { error: { code: 'interrupted' } } })
  expect(here.app.journal.runs({ state: 'running' })).toEqual([])
  expect(passwordsOf(pid)).toEqual([])
  const fresh = (await openManifests(here.parts())).filter(one => !ids.has(one.backup))
  expect(fresh).toHaveLength(SUBJECTS)
  for (const manifest of fresh) expect(manifest.stored.newChunks).toBe(strangersTo(stored, manifest).length)
  expect(here.parts().catalogue.list()).toHaveLength(ids.size + SUBJECTS)
  return new Set([...ids, ...fresh.map(one => one.backup)])
}

describe(`killed with -9 (KILL_SEED=${SEED})`, () => {
  test.each(Array.from({ length: LIVES }, (_, life) => life))(
    'life %i',
    async life => {
      const here = await installed()
      try {
        const roll = dice(SEED + life)
        let backups: ReadonlySet<string> = new Set()
        for (let kill = 0; kill < KILLS_A_LIFE; kill++) {
          const by = kill === 1 + (life % (KILLS_A_LIFE - 1)) ? 'daemon' : 'cli'
          backups = await round(here, { by, kill, share: (kill + roll()) / KILLS_A_LIFE }, backups)
        }
        const { proof } = await here.restore(life % 2 === 0 ? 'acme' : ODD, `life ${life}`)
        expect(proof.differences).toEqual([])
      } finally {
        await here.remove()
      }
    },
    300_000,
  )
})
