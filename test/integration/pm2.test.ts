// The daemon under the real PM2, by the ecosystem file we ship: start, reload in mid-dump, kill -9, a bad configuration.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform, temporaryFolder } from '../kit/cluster.js'
import { editConfig, missNight } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'
import { auditStore, chunkKeys, strangersTo } from '../kit/store-audit.js'
import { gateIn, type TwistedTools, twistedTools } from '../kit/twisted-tools.js'

const PM2 = join(process.cwd(), 'node_modules/.bin/pm2')
const installed = existsSync(PM2)
if (!installed) console.error('PM2 IS NOT INSTALLED: nothing of test/integration/pm2.test.ts is tested')

/** About 12 MB, of which two thirds go through before the gate. */
const BIG = `CREATE TABLE pages AS
  SELECT n, (SELECT string_agg(md5(n::text || k), '') FROM generate_series(1, 60) AS k) AS body
  FROM generate_series(1, 6000) AS n`
const SECRET = 'hunter2-in-the-environment'

let cluster: Cluster
let tools: TwistedTools
let gates = 0
let home: Awaited<ReturnType<typeof temporaryFolder>>
let here: Installation
/** Of PM2's own log, the length that earlier tests wrote. */
let seenOfLog = 0

interface AppState {
  pid: number
  pm2_env: { status: string; restart_time: number; exit_code?: number }
}

async function pm2(...args: string[]): Promise<string> {
  const result = await execa(process.execPath, [PM2, ...args], {
    env: { PM2_HOME: home.path, GMAH_BACKUP_CONFIG: here.configFile, R2_SECRET_ACCESS_KEY: SECRET },
    reject: false,
    stdin: 'ignore',
    timeout: 200_000,
  })
  return result.stdout
}

async function state(): Promise<AppState | undefined> {
  const text = await pm2('jlist', '--silent')
  return (JSON.parse(text.slice(text.indexOf('['))) as AppState[])[0]
}

/** How PM2 saw each process end since this test began. */
function ends(): string[] {
  const text = readFileSync(join(home.path, 'pm2.log'), 'utf8').slice(seenOfLog)
  return [...text.matchAll(/exited with code (\[\d+\] via signal \[\w+\])/g)].map(([, how]) => how ?? '')
}

const start = (): Promise<string> => pm2('start', 'ecosystem.config.cjs')
const daemonsStarted = (): number[] =>
  here.events('daemon-started').map(({ facts }) => (facts as { pid: number }).pid)
const lastRun = () => here.app.journal.runs({ limit: 1 })[0]

/** A night that stands still in the middle of the big dump; the next one will not. */
async function startInMidDump(): Promise<void> {
  const gate = gateIn(home.path, `gate${gates++}`)
  tools.twist('pg_dump', { database: 'gmah_org_acme', gate: gate.path, gateAt: 8_000_000 })
  missNight(here, 0)
  await start()
  await until(async () => gate.reached() && (await chunkKeys(here.parts())).size >= 3)
  tools.straighten()
}

describe.skipIf(!installed)('under PM2', () => {
  beforeAll(async () => {
    home = await temporaryFolder()
    tools = await twistedTools(home.path)
    cluster = await startPlatform({ acme: BIG })
  })

  afterAll(async () => {
    await pm2('kill')
    await cluster.stop()
    await home.remove()
  })

  beforeEach(async () => {
    here = await install(cluster.target, {
      config: { daemon: { drain: '1s' }, postgres: { tools_directory: tools.directory } },
    })
  })

  afterEach(async () => {
    await pm2('delete', 'gmah-backup')
    seenOfLog = statSync(join(home.path, 'pm2.log')).size
    await here.remove()
  })

  test('a start waits until it is ready, and no secret of the environment is kept', async () => {
    await start()
    const app = await state()
    expect(app?.pm2_env).toMatchObject({ status: 'online', restart_time: 0 })
    expect(daemonsStarted()).toEqual([app?.pid])
    await pm2('save')
    const dump = readFileSync(join(home.path, 'dump.pm2'), 'utf8')
    expect(dump).toContain(here.configFile)
    expect(dump).not.toContain(SECRET)
    await pm2('stop', 'gmah-backup')
    expect((await state())?.pm2_env).toMatchObject({ status: 'stopped' })
    expect(ends()).toEqual(['[0] via signal [SIGINT]'])
    expect(here.events('daemon-stopping')).toMatchObject([{ facts: { reason: 'stopped by SIGINT' } }])
  })

  test('a reload in the middle of a dump interrupts it in good order, and the next life resumes it', async () => {
    await startInMidDump()
    const first = await state()
    await pm2('reload', 'gmah-backup')
    const second = await state()
    expect(second?.pm2_env.status).toBe('online')
    expect(daemonsStarted()).toEqual([first?.pid, second?.pid])
    const [interrupted] = here.events('run-interrupted')
    expect(interrupted?.facts).toMatchObject({
      error: { message: expect.stringContaining('stopped by SIGINT') },
    })
    expect(ends()).toEqual(['[0] via signal [SIGINT]'])
    expect(here.events('lease-taken-over')).toEqual([])
    await until(() => lastRun()?.outcome === 'succeeded')
    expect(lastRun()).toMatchObject({ trigger: 'catch-up', process: { pid: second?.pid } })
    const backups = await auditStore(here.parts())
    expect(backups.filter(one => one.subject === 'tenants/acme')).toMatchObject([
      { stored: { reusedChunks: expect.any(Number) } },
    ])
  })

  test('kill -9: PM2 starts it again; it takes the lease over, closes the run and does the night', async () => {
    await startInMidDump()
    const first = await state()
    process.kill(first?.pid as number, 'SIGKILL')
    await until(() => daemonsStarted().length === 2)
    expect(here.events('lease-taken-over')).toHaveLength(1)
    expect(here.events('run-interrupted')).toMatchObject([
      {
        facts: { error: { code: 'interrupted', message: expect.stringContaining(`process ${first?.pid}`) } },
      },
    ])
    const stored = await chunkKeys(here.parts())
    await until(() => lastRun()?.outcome === 'succeeded')
    expect((await state())?.pm2_env).toMatchObject({ status: 'online', restart_time: 1 })
    const [acme] = (await auditStore(here.parts())).filter(one => one.subject === 'tenants/acme')
    expect(acme?.stored.newChunks).toBeGreaterThanOrEqual(acme ? strangersTo(stored, acme).length : 0)
    expect(acme?.stored.reusedChunks).toBeGreaterThanOrEqual(3)
  })

  test('a refused configuration ends it with 2, once', async () => {
    editConfig(here, config => Object.assign(config.dump ?? {}, { concurrency: 0 }))
    await start()
    await until(() => ends().length > 0)
    // Three times the delay after which PM2 would start it again.
    await new Promise(resolve => setTimeout(resolve, 3_000))
    expect(await state()).toMatchObject({ pid: 0, pm2_env: { restart_time: 0, exit_code: 2 } })
    expect(ends()).toEqual(['[2] via signal [SIGINT]'])
    const said = readFileSync(join(home.path, 'logs', 'gmah-backup-error.log'), 'utf8')
    expect(said).toContain('dump.concurrency')
    expect(said).toContain('[config-invalid]')
  })
})
