// The server, or one of a dump's two connections, goes away: before a night, in the middle of one, for a moment or for good.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/sys/clock.js'
import { until } from '../kit/clock.js'
import { type Scene, setScene } from '../kit/disaster.js'
import { crashServer, startServer, stopServer } from '../kit/server-control.js'

const A = 'tenants/a'
const RETRY_PAUSE_MS = 77_000
/** What happens while the night waits for its second try. */
let meanwhile: () => Promise<void> = async () => {}
let scene: Scene
beforeAll(async () => {
  const clock = {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) =>
      ms === RETRY_PAUSE_MS ? meanwhile() : systemClock.sleep(ms, signal),
  }
  scene = await setScene(['a', 'b'], { clock, config: { dump: { retry_pause: '77s' } } })
})
afterAll(async () => {
  await stopServer(scene.cluster)
  await scene.end()
})
afterEach(() => {
  meanwhile = async () => {}
  scene.tools.straighten()
})

const isUp = () =>
  scene.cluster.sql('postgres', 'SELECT 1').then(
    () => true,
    () => false,
  )

/** A night of one tenant, to which `disaster` happens in the middle of its dump. */
async function nightWith(name: string, disaster: () => Promise<unknown>) {
  const { here, tools, gate } = scene
  const stop = gate(name)
  tools.twist('pg_dump', { gate: stop.path, gateAt: 100_000 })
  const night = here.night({ names: ['a'] })
  await until(stop.reached)
  await disaster()
  stop.open()
  return night
}

const terminate = (condition: string) => async () => {
  const ended = await scene.cluster.sql(
    'postgres',
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'gmah_org_a' AND ${condition}`,
  )
  expect(ended).toHaveLength(1)
}

describe('for a moment: the second try succeeds, and the night with it', () => {
  test.each<[string, () => Promise<unknown>]>([
    ["pg_dump's connection is cut", terminate(`query LIKE 'COPY %'`)],
    ["the snapshot's connection is cut", terminate(`state = 'idle in transaction'`)],
    ['a backend crashes, and all restart', () => crashServer(scene.cluster, 'gmah_org_a')],
    [
      'the server restarts immediately',
      async () => {
        await stopServer(scene.cluster)
        await startServer(scene.cluster)
      },
    ],
  ])('%s', async (name, disaster) => {
    const { here, tools, manifests, told } = scene
    const [before, calls] = [manifests(A).length, tools.calls('pg_dump', 'gmah_org_a')]
    let waited = 0
    meanwhile = async () => {
      waited += 1
      expect(manifests(A)).toHaveLength(before)
      await until(isUp)
    }
    const { failure, run } = await nightWith(name, disaster)
    expect(failure).toBeNull()
    expect(waited).toBe(1)
    expect(tools.calls('pg_dump', 'gmah_org_a') - calls).toBe(2)
    expect(told(run.id)).toEqual({ outcome: 'succeeded', error: null, committed: [A], failed: {} })
    expect(manifests(A)).toHaveLength(before + 1)
    expect(here.app.runner.active()).toBe(0)
  })
})

test('cut again at the second try: the tenant has failed, in words that tell where', async () => {
  const { tools, manifests, told } = scene
  const before = manifests(A)
  meanwhile = async () => {
    const again = scene.gate('again')
    tools.twist('pg_dump', { gate: again.path, gateAt: 100_000 })
    void until(again.reached).then(terminate(`query LIKE 'COPY %'`)).then(again.open)
  }
  const { failure, run } = await nightWith('once', terminate(`query LIKE 'COPY %'`))
  expect(failure).toMatchObject({ code: 'postgres-unreachable', retryable: true })
  expect(failure?.message).toMatch(/^pg_dump of "gmah_org_a" ended with exit code 1: /)
  expect(told(run.id)).toEqual({
    outcome: 'failed',
    error: 'postgres-unreachable',
    committed: [],
    failed: { [A]: 'postgres-unreachable' },
  })
  expect(manifests(A)).toEqual(before)
})

test('stopped for good in the middle: nothing is committed; away at the start: nothing is tried', async () => {
  const { here, cluster, manifests, told } = scene
  const before = [manifests(A), manifests('tenants/b')]
  const { failure, run } = await nightWith('for good', () => stopServer(cluster))
  expect(failure).toMatchObject({ code: 'postgres-unreachable' })
  expect(told(run.id)).toMatchObject({ outcome: 'failed', failed: { [A]: 'postgres-unreachable' } })

  const { failure: away, run: second } = await here.night()
  expect(away).toMatchObject({
    code: 'postgres-unreachable',
    message: expect.stringContaining(cluster.target.host),
    hint: expect.stringContaining('check that PostgreSQL runs'),
  })
  expect(told(second.id)).toEqual({
    outcome: 'failed',
    error: 'postgres-unreachable',
    committed: [],
    failed: {},
  })
  const cli = await here.cli('backup')
  expect(cli.exitCode).toBe(7)
  expect(cli.stderr).toContain('[postgres-unreachable]')
  expect([manifests(A), manifests('tenants/b')]).toEqual(before)

  await startServer(cluster)
  expect(await here.night()).toMatchObject({ failure: null, run: { outcome: 'succeeded' } })
})
