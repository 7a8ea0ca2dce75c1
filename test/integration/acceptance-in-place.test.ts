// The great test of a restore in place: a tenant under pgbench is wrecked, put back through curl alone as docs/api.md says it,
// undone, and put back again; each time it is out of reach for less than a second. By hand, in the size of a real tenant:
//   ACCEPTANCE_MEGABYTES=1000 npx vitest run test/integration/acceptance-in-place.test.ts

import { execa } from 'execa'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { apiPage } from '../kit/api-page.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type DaemonProcess, startDaemon } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'

const MEGABYTES = Number(process.env.ACCEPTANCE_MEGABYTES ?? 0)
if (MEGABYTES === 0)
  process.stderr.write('SKIPPED: the acceptance under load; ACCEPTANCE_MEGABYTES=1000 runs it, in minutes\n')

const LIVE = 'gmah_org_acme'
/** A unit of pgbench's scale is 15 MB of database. */
const SCALE = Math.max(1, Math.round(MEGABYTES / 15))
const ACCOUNTS = SCALE * 100_000

let cluster: Cluster
let here: Installation
let daemon: DaemonProcess
let variables: Record<string, string>

const say = (text: string) => process.stderr.write(`${text}\n`)

beforeAll(async () => {
  if (MEGABYTES === 0) return
  cluster = await startPlatform({}, { settings: { max_connections: '60', max_wal_size: '4GB' } })
  await cluster.createDatabase({
    name: LIVE,
    sql: 'CREATE TABLE notes AS SELECT id, md5(id::text) AS body FROM generate_series(1, 10000) id',
  })
  await pgbench('-i', '-q', '-s', String(SCALE))
  const [size] = await cluster.sql<{ size: string }>(
    'postgres',
    `SELECT pg_size_pretty(pg_database_size('${LIVE}')) AS size`,
  )
  say(`the tenant has ${size?.size}`)
  here = await install(cluster.target)
  const made = await here.cli('--json', 'tokens', 'create', 'maria', '--role', 'operator')
  daemon = startDaemon(here)
  const { address } = await daemon.said(/^the daemon is ready/)
  variables = { TOKEN: JSON.parse(made.stdout).token, GMAH_BACKUP_URL: String(address) }
}, 1_200_000)

afterAll(async () => {
  if (MEGABYTES === 0) return
  daemon.kill('SIGKILL')
  await here.remove()
  await cluster.stop()
})

const pgbench = (...args: string[]) => {
  const { host, port, user } = cluster.target
  return execa('pgbench', ['-h', host, '-p', String(port), '-U', user, ...args, LIVE], { reject: false })
}

/** pgbench without end: thrown out, it comes back at once. */
function load() {
  const state = { stopped: false, thrownOut: 0 }
  const running = (async () => {
    while (!state.stopped) {
      const { exitCode } = await pgbench('-n', '-c', '4', '-T', '2')
      if (exitCode !== 0) state.thrownOut += 1
    }
  })()
  const stop = async () => {
    state.stopped = true
    await running
  }
  return { state, stop }
}

/** A client that asks every few milliseconds over a new connection, as a web application without a pool does. */
function application() {
  const state = { stopped: false, good: 0, bad: [] as number[] }
  const once = async () => {
    const { host, port, user } = cluster.target
    const client = new Client({ host, port, user, database: LIVE, connectionTimeoutMillis: 30_000 })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query('SELECT count(*) FROM pgbench_branches')
      state.good += 1
    } catch {
      state.bad.push(performance.now())
    }
    await client.end().catch(() => {})
  }
  const running = (async () => {
    while (!state.stopped) await once()
  })()
  /** What it met since it was asked last: how many refusals, and the time from the first to the last of them. */
  const met = () => {
    const bad = state.bad.splice(0)
    return { refusals: bad.length, windowMs: Math.round((bad.at(-1) ?? 0) - (bad[0] ?? 0)) }
  }
  const stop = async () => {
    state.stopped = true
    await running
  }
  return { state, met, stop }
}

const { sh, putBack, undo } = apiPage(() => variables)

const state = async () => {
  const [row] = await cluster.sql<{ accounts: number; notes: string | null }>(
    LIVE,
    `SELECT (SELECT count(*)::int FROM pgbench_accounts) AS accounts, to_regclass('notes')::text AS notes`,
  )
  return row
}

test.skipIf(MEGABYTES === 0)(
  'under load: wrecked, put back, undone, put back again, by curl alone',
  async () => {
    const minutes = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      const started = performance.now()
      const result = await work()
      say(`${what}: ${((performance.now() - started) / 60_000).toFixed(1)} min`)
      return result
    }
    const backup = `api "$GMAH_BACKUP_URL/v1/tenants/acme/backups" -d '{"wait":true}'`
    await minutes('backup', () => sh(backup))
    const [bench, app] = [load(), application()]
    await cluster.sql(LIVE, 'DELETE FROM pgbench_accounts WHERE aid % 2 = 0')
    await cluster.sql(LIVE, 'DROP TABLE notes')
    const whole = { accounts: ACCOUNTS, notes: 'notes' }
    const wrecked = { accounts: ACCOUNTS / 2, notes: null }
    expect(app.met().refusals).toBe(0)
    const stories = [
      { what: 'put back', work: () => putBack('one'), leaves: whole },
      { what: 'undone', work: undo, leaves: wrecked },
      { what: 'put back again', work: () => putBack('two'), leaves: whole },
    ]
    let last = ''
    for (const { what, work, leaves } of stories) {
      const run = await minutes(what, () => work(last))
      last = run.id
      expect(run).toMatchObject({ outcome: 'succeeded' })
      expect(await state()).toEqual(leaves)
      const swap = here.events('swap-finished').at(-1)?.facts as {
        downtimeMs: number
        endedConnections: number
      }
      const { refusals, windowMs } = app.met()
      say(
        `  refused for ${Math.round(swap.downtimeMs)} ms by the prober, ${windowMs} ms (${refusals} refusals) by the application; ${swap.endedConnections} connections ended`,
      )
      expect(swap.downtimeMs).toBeLessThan(1000)
      expect(windowMs).toBeLessThan(1000)
    }
    await Promise.all([bench.stop(), app.stop()])
    // None after the window.
    expect(app.met().refusals).toBe(0)
    say(
      `pgbench was thrown out ${bench.state.thrownOut} times; the application was answered ${app.state.good} times`,
    )
  },
  3_600_000,
)
