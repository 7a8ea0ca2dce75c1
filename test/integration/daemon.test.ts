// The built daemon as a process: readiness, HTTP, schedules, signals in mid-dump, reload, and who else works on its store.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connection.js'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform, temporaryFolder } from '../kit/cluster.js'
import {
  type DaemonProcess,
  editConfig,
  editSchedule,
  missNight,
  startCli,
  startDaemon,
} from '../kit/daemon.js'
import { type FaultyStore, faultyStore } from '../kit/faulty-store.js'
import { type Installation, install } from '../kit/installation.js'
import { auditStore, chunkKeys, strangersTo } from '../kit/store-audit.js'
import { type Gate, gateIn, type TwistedTools, twistedTools } from '../kit/twisted-tools.js'

let cluster: Cluster
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let tools: TwistedTools
let gates = 0
let here: Installation
const started: DaemonProcess[] = []

/** About 12 MB, of which two thirds go through before the gate. */
const BIG = `CREATE TABLE pages AS
  SELECT n, (SELECT string_agg(md5(n::text || k), '') FROM generate_series(1, 60) AS k) AS body
  FROM generate_series(1, 6000) AS n`
const GATE_AT = 8_000_000

beforeAll(async () => {
  cluster = await startPlatform({ acme: BIG })
  folder = await temporaryFolder()
  tools = await twistedTools(folder.path)
})

afterAll(async () => {
  await cluster.stop()
  await folder.remove()
})

beforeEach(async () => {
  here = await install(cluster.target, { config: { postgres: { tools_directory: tools.directory } } })
})

afterEach(async () => {
  for (const daemon of started.splice(0)) {
    daemon.kill('SIGKILL')
    await daemon.ended
  }
  await here.remove()
  tools.straighten()
})

function start(): DaemonProcess {
  const daemon = startDaemon(here)
  started.push(daemon)
  return daemon
}

const lastRun = () => here.app.journal.runs({ limit: 1 })[0]
const chunksStored = async (): Promise<number> => (await chunkKeys(here.parts())).size

/** From here on the big dump stops in its middle, until the gate is opened. */
function gateInDump(): Gate {
  const gate = gateIn(folder.path, `gate${gates++}`)
  tools.twist('pg_dump', { database: 'gmah_org_acme', gate: gate.path, gateAt: GATE_AT })
  return gate
}

const midDump = (gate: Gate) => until(async () => gate.reached() && (await chunksStored()) >= 3)

/** A daemon in the middle of the big dump. */
async function inMidDump(drain: string): Promise<DaemonProcess & { gate: Gate }> {
  editConfig(here, config => Object.assign(config.daemon ?? {}, { drain }))
  missNight(here, 0)
  const gate = gateInDump()
  const daemon = start()
  await daemon.ready
  await midDump(gate)
  return { ...daemon, gate }
}

test('ready, HTTP, a missed night made up for, and a stop in good order', async () => {
  missNight(here, 0)
  const daemon = start()
  await daemon.ready
  expect(JSON.parse((await daemon.http('/healthz')).text)).toMatchObject({ status: 'alive', pid: daemon.pid })
  await daemon.said(/^backup-all succeeded/)
  expect(lastRun()).toMatchObject({ trigger: 'catch-up', outcome: 'succeeded', process: { pid: daemon.pid } })
  expect(await daemon.http('/readyz')).toEqual({ status: 200, text: '{"status":"ready","reasons":[]}' })
  const { text } = await daemon.http('/metrics')
  expect(text).toContain('gmah_backup_runs_total{job="backup-all",outcome="succeeded"} 1')
  expect(text).toMatch(/gmah_backup_last_success_timestamp_seconds\{subject="tenants\/acme"\} \d/)
  const { eventLoopDelayP99Ms } = JSON.parse((await daemon.http('/healthz')).text)
  expect(eventLoopDelayP99Ms).toBeGreaterThanOrEqual(0)
  daemon.kill('SIGTERM')
  expect(await daemon.ended).toEqual({ code: 0, signal: null })
  expect(daemon.stderr()).toBe('')
  expect(here.events().map(event => event.type)).toEqual(
    expect.arrayContaining([
      'lease-acquired',
      'daemon-started',
      'run-started',
      'run-finished',
      'daemon-stopping',
    ]),
  )
  expect((await auditStore(here.parts())).map(one => one.subject).sort()).toEqual([
    'platform/globals',
    'platform/master',
    'tenants/acme',
  ])
})

describe('SIGTERM in the middle of a dump', () => {
  test('lets it finish within the budget, and starts nothing new', async () => {
    const daemon = await inMidDump('60s')
    daemon.kill('SIGTERM')
    await daemon.said(/^stopped by SIGTERM/)
    expect((await daemon.http('/readyz')).status).toBe(503)
    daemon.gate.open()
    expect(await daemon.ended).toEqual({ code: 0, signal: null })
    expect(lastRun()).toMatchObject({ outcome: 'succeeded' })
    expect(await auditStore(here.parts())).toHaveLength(3)
  })

  test('interrupts it when the budget is spent; the next start resumes for the price of reading', async () => {
    const daemon = await inMidDump('1s')
    daemon.kill('SIGTERM')
    expect(await daemon.ended).toEqual({ code: 0, signal: null })
    expect(lastRun()).toMatchObject({ outcome: 'interrupted', error: { code: 'interrupted' } })
    expect(here.events('run-interrupted')).toHaveLength(1)
    const before = await auditStore(here.parts())
    expect(before.map(one => one.subject)).not.toContain('tenants/acme')
    const stored = await chunkKeys(here.parts())
    const written = [...stored].map(key => statSync(join(here.storeFolder, key)).mtimeMs)
    tools.straighten()
    const next = start()
    await next.said(/^backup-all succeeded/)
    const manifest = (await auditStore(here.parts())).find(one => one.subject === 'tenants/acme')
    expect(manifest?.stored.newChunks).toBe(manifest && strangersTo(stored, manifest).length)
    expect(manifest?.stored.reusedChunks).toBeGreaterThanOrEqual(3)
    expect([...stored].map(key => statSync(join(here.storeFolder, key)).mtimeMs)).toEqual(written)
  })

  test('a second signal interrupts at once', async () => {
    const daemon = await inMidDump('60s')
    daemon.kill('SIGTERM')
    await daemon.said(/^stopped by SIGTERM/)
    daemon.kill('SIGTERM')
    expect(await daemon.ended).toEqual({ code: 0, signal: null })
    expect(lastRun()).toMatchObject({
      outcome: 'interrupted',
      error: { message: expect.stringMatching(/second time/) },
    })
  })
})

test('after an interrupt nothing more is written but the leases given back', async () => {
  const stop = new AbortController()
  let store: FaultyStore | undefined
  await here.reopen({
    wrapStore: real => {
      const slow = {
        on: 'put',
        key: /chunks/,
        times: Number.POSITIVE_INFINITY,
        effect: { delayMs: 200 },
      } as const
      store = faultyStore(real, [slow])
      return store
    },
  })
  const puts = (from = 0) => store?.calls.slice(from).filter(call => call.operation === 'put') ?? []
  const night = here.night({ signal: stop.signal })
  await until(() => puts().filter(({ key }) => key.includes('tenants/acme/backups/chunks/')).length >= 3)
  const mark = store?.calls.length
  stop.abort()
  const { run, failure } = await night
  expect([run.outcome, failure?.code]).toEqual(['interrupted', 'interrupted'])
  // The roles' as well, where their own small backup was not through yet.
  const written = puts(mark).map(call => call.key)
  expect(written.filter(key => !key.startsWith('platform/leases/'))).toEqual([])
  expect(written).toContain('platform/leases/tenants/acme.json')
})

describe('SIGHUP', () => {
  test('takes new schedules and a new tenant rule', async () => {
    const daemon = start()
    await daemon.ready
    await cluster.createDatabase({ name: 'other_globex', sql: 'CREATE TABLE t AS SELECT 1 AS n' })
    editConfig(here, config => {
      Object.assign(config.postgres ?? {}, { tenants: { pattern: '^other_(?<tenant>.+)$' } })
    })
    missNight(here, 7)
    daemon.kill('SIGHUP')
    await daemon.said(/^the configuration was read again/)
    expect(here.events('config-reloaded')).toMatchObject([{ facts: { schedules: ['nightly'] } }])
    await daemon.said(/^backup-all succeeded/)
    expect((await auditStore(here.parts())).map(one => one.subject).sort()).toEqual([
      'platform/globals',
      'platform/master',
      'tenants/globex',
    ])
  })

  test('a bad file is refused in the journal, the log and nowhere else: the old one stays in force', async () => {
    const daemon = start()
    await daemon.ready
    editSchedule(here, { cron: 'whenever' })
    editConfig(here, config => Object.assign(config.dump ?? {}, { concurrency: 0 }))
    daemon.kill('SIGHUP')
    const line = await daemon.said(/^the new configuration was refused/)
    const problems = [
      expect.objectContaining({ path: 'dump.concurrency' }),
      expect.objectContaining({ path: 'cron' }),
    ]
    expect(line).toMatchObject({ level: 50, problems })
    expect(here.events('config-refused')).toMatchObject([{ facts: { file: here.configFile, problems } }])
    expect((await daemon.http('/readyz')).status).toBe(200)
    expect(here.events('config-reloaded')).toEqual([])
  })
})

describe('who else works on the store', () => {
  test('a second daemon is refused at once, and told by whom', async () => {
    const first = start()
    await first.ready
    const second = start()
    expect(await second.ended).toEqual({ code: 10, signal: null })
    expect(second.stderr()).toMatch(
      new RegExp(`^error: platform/leases/daemon.json is held by .*${first.pid}`),
    )
    expect(second.stderr()).toContain('[store-leased]')
    expect(second.stderr()).toContain('hint: another daemon works on this store')
    expect((await first.http('/readyz')).status).toBe(200)
  })

  test('the lease of one that was killed is taken over at once, and said', async () => {
    const first = start()
    await first.ready
    first.kill('SIGKILL')
    await first.ended
    const second = start()
    await second.ready
    const [told] = here.events('lease-taken-over')
    expect(told?.facts).toMatchObject({ holder: expect.stringContaining(`process ${second.pid}`) })
  })

  test('a backup by hand runs beside the daemon; of a tenant that is being dumped it is refused', async () => {
    editConfig(here, config => Object.assign(config.postgres ?? {}, { lock_wait_timeout: '10m' }))
    missNight(here, 0)
    const holder = await connect(cluster.target, 'gmah_org_acme')
    try {
      await holder.run('BEGIN; LOCK TABLE public.pages IN ACCESS EXCLUSIVE MODE')
      const daemon = start()
      await until(() => here.events('backup-started').some(event => event.subject === 'tenants/acme'))
      const acme = await here.cli('backup', 'acme')
      expect(acme.exitCode).toBe(10)
      expect(acme.stderr).toMatch(new RegExp(`held by .*${daemon.pid}`))
      expect(acme.stderr).toContain('[subject-busy]')
      expect(here.events('backup-failed')).toMatchObject([{ facts: { error: { code: 'subject-busy' } } }])
      const master = await here.cli('--json', 'backup', 'platform/master')
      expect([master.exitCode, JSON.parse(master.stdout).failed]).toEqual([0, []])
      expect(here.app.journal.runs({ job: 'backup-all' })).toMatchObject([{ outcome: 'running' }])
      await holder.run('ROLLBACK')
      await daemon.said(/^backup-all succeeded/)
    } finally {
      await holder.close()
    }
  })
})

test('where no daemon starts, the next command closes what a killed one left', async () => {
  const gate = gateInDump()
  const killed = startCli(here, 'backup')
  await midDump(gate)
  killed.kill('SIGKILL')
  await killed.ended
  const left = lastRun()
  expect(left).toMatchObject({ outcome: 'running', process: { pid: killed.pid } })
  expect((await here.cli('backup', 'platform/master')).exitCode).toBe(0)
  expect(here.app.journal.runs({ state: 'running' })).toEqual([])
  expect(here.events('run-interrupted')).toMatchObject([
    { run: left?.id, facts: { error: { code: 'interrupted' } } },
  ])
})
