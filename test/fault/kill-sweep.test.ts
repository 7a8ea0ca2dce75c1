// The command line killed with -9 at random instants of plan and sweep: every kept backup reads back whole, whatever went was in
// the journal before it went, and a second sweep finishes the work. SWEEP_KILLS and KILL_SEED make it longer, or another.
import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Outcome } from '../../src/domain/run-events.js'
import { closeDeadRuns, runSchedule } from '../../src/jobs/daemon-work.js'
import { lookWhoIsThere } from '../../src/jobs/departures.js'
import { endOfSweep, sweepStore } from '../../src/jobs/sweep-store.js'
import { type RetentionView, viewRetention } from '../../src/jobs/view-retention.js'
import { listManifests } from '../../src/repository/manifests.js'
import { chunksPrefix } from '../../src/store/keys.js'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { DAY_MS } from '../kit/copies.js'
import { startCli } from '../kit/daemon.js'
import { dice } from '../kit/dice.js'
import { type Installation, install } from '../kit/installation.js'
import { ageWaiting, makeOld, writeSmallPolicy } from '../kit/old-backups.js'
import { ACME } from '../kit/repository.js'
import { auditStore } from '../kit/store-audit.js'

const KILLS = Number(process.env.SWEEP_KILLS ?? 4)
const SEED = Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 2 ** 31))
const OLD = 8

let cluster: Cluster
let here: Installation
let sweepMs: number
let seed = 1

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE t AS SELECT 1 AS id' })
  here = await install(cluster.target)
  writeSmallPolicy(here, 3)
  await here.reopen()
  expect((await here.night()).run.outcome).toBe('succeeded')
  await makeMore()
  expect(await here.cli(...orders(await view()))).toMatchObject({ exitCode: 0 })
  await age()
  const last = here.app.journal.lastRun('sweep', 'succeeded')
  sweepMs = (last?.finishedAt?.getTime() ?? Number.NaN) - (last?.startedAt.getTime() ?? 0)
})

afterAll(async () => {
  await here.remove()
  await cluster.stop()
})

/** As if ten days had passed: what waits is due. */
async function age(): Promise<void> {
  await ageWaiting(here)
  const old = new Date(Date.now() - 10 * DAY_MS)
  const folder = join(here.storeFolder, chunksPrefix(ACME))
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) utimesSync(join(entry.parentPath, entry.name), old, old)
  }
}

async function makeMore(): Promise<void> {
  await makeOld(here, { count: OLD, seed })
  seed += OLD
}

async function view(): Promise<RetentionView> {
  const { signal } = new AbortController()
  return viewRetention(here.parts(), await lookWhoIsThere(here.parts(), signal), null, signal)
}

const orders = ({ verdict }: RetentionView): string[] =>
  verdict.held > 0 ? ['sweep', '--yes-remove', String(verdict.held)] : ['sweep']

const keptBy = ({ subjects }: RetentionView): string[] =>
  subjects
    .flatMap(one => one.decisions.filter(({ verdict }) => verdict === 'keep'))
    .map(({ copy }) => copy.id)
    .sort()

async function listed(): Promise<string[]> {
  const { store } = here.parts().repository
  const all = here
    .parts()
    .catalogue.newest()
    .map(entry => entry.subject)
  const names = await Promise.all([...new Set(all)].map(subject => listManifests(store, subject)))
  return names
    .flat()
    .map(one => one.backup as string)
    .sort()
}

/** A sweep in this process, with what every command does first. */
async function finish({ verdict }: RetentionView): Promise<void> {
  await closeDeadRuns(here.parts(), here.app.journal)
  const { run, failure } = await here.app.runner.run({ name: 'sweep', trigger: 'manual' }, async context => {
    const present = await lookWhoIsThere(here.parts(), context.signal)
    const yesRemove = verdict.held > 0 ? verdict.held : null
    return endOfSweep(await sweepStore(here.parts(), { present, yesRemove }, context))
  })
  expect([run.outcome, failure]).toEqual(['succeeded', null])
}

async function killed(plan: RetentionView, afterMs: number): Promise<boolean> {
  const { pid, ended, kill } = startCli(here, ...orders(plan))
  const own = (state: Outcome) => here.app.journal.runs({ state }).some(run => run.process.pid === pid)
  let over = false
  void ended.then(() => {
    over = true
  })
  await until(() => own('running') || over)
  await Promise.race([ended, pause(afterMs)])
  kill('SIGKILL')
  await ended
  return own('running')
}

test.each(Array.from({ length: KILLS }, (_, kill) => kill))(`kill %i (KILL_SEED=${SEED})`, async kill => {
  const roll = dice(SEED + kill)
  await makeMore()
  const before = await listed()
  const plan = await view()
  const kept = keptBy(plan)
  expect(before.length - kept.length).toBe(OLD)
  await killed(plan, ((kill % 4) + roll()) * (sweepMs / 4))

  const left = await listed()
  expect(kept.filter(id => !left.includes(id))).toEqual([])
  expect((await auditStore(here.parts())).map(one => one.backup as string).sort()).toEqual(left)
  const said = here.app.journal
    .events({ limit: 100_000 })
    .flatMap(event => (event.type === 'backup-removal' ? event.facts.backup : []))
  expect(before.filter(id => !left.includes(id) && !said.includes(id as never))).toEqual([])

  await finish(await view())
  expect(await listed()).toEqual(kept)
  await auditStore(here.parts())
  expect(here.app.journal.runs({ state: 'running' })).toEqual([])
  await age()
  await finish(await view())
  // What only removed backups needed is gone.
  const manifests = await auditStore(here.parts())
  const needed = new Set(
    manifests.filter(one => one.subject === ACME).flatMap(one => one.chunks.map(chunk => chunk.id)),
  )
  const folder = join(here.storeFolder, chunksPrefix(ACME))
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  expect(files.map(entry => entry.name).sort()).toEqual([...needed].sort())
})

test('the schedule does what the command does', async () => {
  const schedule = here.parts().config.schedules.find(one => one.job === 'sweep')
  if (!schedule) throw new Error('there is one')
  const noDigest = () => Promise.reject(new Error('it is no digest'))
  const launch = { trigger: 'schedule', due: new Date() } as const
  const { run } = await runSchedule(async () => here.parts(), here.app.runner, schedule, launch, noDigest)
  expect([run.outcome, run.job]).toEqual(['succeeded', 'sweep'])
})

test('after all that, what is kept restores into a database and is proven', async () => {
  const { proof } = await here.restore('acme', 'acme_again')
  expect(proof.differences).toEqual([])
})
