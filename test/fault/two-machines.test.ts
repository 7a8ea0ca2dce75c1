// Two machines on one bucket, each with the built program and a state directory of its own: a dump and a sweep of one tenant never
// overlap, whoever comes second is told who is there, and what a dying sweep had on its way does no harm when it arrives.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { EXIT } from '../../src/domain/errors.js'
import { listManifests } from '../../src/repository/manifests.js'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { startCli, startDaemon } from '../kit/daemon.js'
import { type FaultyHttp, faultyHttp } from '../kit/faulty-http.js'
import { cliOn, type Installation, install } from '../kit/installation.js'
import { makeOld, writeSmallPolicy } from '../kit/old-backups.js'
import { type R2, startR2 } from '../kit/r2.js'
import { ACME } from '../kit/repository.js'
import { auditStore } from '../kit/store-audit.js'

const PATIENCE_MS = 120_000

let cluster: Cluster
let r2: R2
let roads: FaultyHttp[]
let here: Installation
/** The other machine: the same bucket by another road, nothing else in common. */
let there: Installation
let seed = 1
/** What a test that failed half-way must not leave to the next. */
const endings: (() => void)[] = []

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE t AS SELECT 1 AS id' })
  r2 = await startR2()
  roads = [await faultyHttp(r2.endpoint), await faultyHttp(r2.endpoint)]
  const { bucket, accessKeyId, secretAccessKey } = r2
  const access = { access_key_id: accessKeyId, secret_access_key: secretAccessKey }
  here = await install(cluster.target, {
    config: { store: { type: 's3', endpoint: road(0).endpoint, bucket, ...access } },
  })
  writeSmallPolicy(here, 1)
  there = otherMachine()
  expect((await here.night()).run.outcome).toBe('succeeded')
})

afterEach(() => {
  for (const end of endings.splice(0)) end()
  for (const one of roads) one.heal()
})

afterAll(async () => {
  await here.remove()
  for (const one of roads) await one.stop()
  await r2.stop()
  await cluster.stop()
})

function road(machine: 0 | 1): FaultyHttp {
  const one = roads[machine]
  if (!one) throw new Error('there are two')
  return one
}

function otherMachine(): Installation {
  const configFile = join(here.folder, 'other-machine.yaml')
  const config = parse(readFileSync(here.configFile, 'utf8'))
  config.store.endpoint = road(1).endpoint
  config.state_directory = 'other-state'
  mkdirSync(join(here.folder, 'other-state'))
  writeFileSync(configFile, stringify(config), { mode: 0o600 })
  return { ...here, configFile, cli: cliOn(here.folder, configFile) }
}

/** Keeps requests of a machine on their way until the gate is opened. */
function gate(machine: 0 | 1, fault: { method: string; path: RegExp }) {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  const from = road(machine).requests.length
  endings.push(() => open())
  road(machine).add({ ...fault, times: Infinity, effect: { first: () => opened } })
  const met = () =>
    road(machine)
      .requests.slice(from)
      .some(({ method, url }) => method === fault.method && fault.path.test(url))
  return { open, reached: () => until(met, PATIENCE_MS) }
}

/** What a machine changed of acme since a request. */
const changes = (machine: 0 | 1, from: number) =>
  road(machine)
    .requests.slice(from)
    .filter(({ method, url }) => /^(PUT|POST|DELETE)$/.test(method) && /\/tenants\/acme\//.test(url))

const old = async (count = 2) => {
  const made = await makeOld(here, { count, seed })
  seed += count
  return made.map(one => one.backup)
}
const listed = async () => (await listManifests(here.parts().repository.store, ACME)).map(name => name.backup)

test('while one machine dumps a tenant, a sweep and a dump on the other leave it alone and say who is there', async () => {
  const olds = await old()
  const { open, reached } = gate(0, { method: 'PUT', path: /acme\/backups\/manifests\// })
  const dump = startCli(here, 'backup', 'acme')
  endings.push(() => dump.kill('SIGKILL'))
  await reached()
  const from = road(1).requests.length
  const swept = await there.cli('sweep')
  expect([swept.exitCode, swept.stdout]).toEqual([
    EXIT.partial,
    expect.stringMatching(/^FAILED acme: .*subject-busy/m),
  ])
  expect(swept.stdout).toContain(`process ${dump.pid}`)
  const dumped = await there.cli('backup', 'acme')
  expect([dumped.exitCode, dumped.stderr]).toEqual([
    EXIT.busy,
    expect.stringContaining(`process ${dump.pid}`),
  ])
  expect(changes(1, from)).toEqual([])
  open()
  expect(await dump.ended).toEqual({ code: 0, signal: null })
  expect(await listed()).toEqual(expect.arrayContaining(olds))

  // Now it is the other's turn. Its own last run was refused, which is no failure.
  expect((await there.cli('sweep')).exitCode).toBe(0)
  expect((await listed()).filter(id => olds.includes(id))).toEqual([])
  await auditStore(here.parts())
})

test('while one machine sweeps, a dump and a sweep on the other give way; killed, the rest is the other’s, and its last request may come late', async () => {
  const olds = await old(3)
  const { open, reached } = gate(0, { method: 'DELETE', path: /acme\/backups\/manifests\// })
  const sweep = startCli(here, 'sweep')
  endings.push(() => sweep.kill('SIGKILL'))
  await reached()
  const from = road(1).requests.length
  const dumped = await there.cli('backup', 'acme')
  expect([dumped.exitCode, dumped.stderr]).toEqual([
    EXIT.busy,
    expect.stringContaining(`process ${sweep.pid}`),
  ])
  const swept = await there.cli('sweep')
  expect([swept.exitCode, swept.stdout]).toEqual([
    EXIT.partial,
    expect.stringMatching(/^FAILED acme: .*subject-busy/m),
  ])
  expect(changes(1, from)).toEqual([])
  expect((await listed()).filter(id => olds.includes(id))).toHaveLength(3)

  sweep.kill('SIGKILL')
  await sweep.ended
  // The machine is the same to the lease, so the dead process does not hold it: dump and sweep go on at once.
  expect((await there.cli('backup', 'acme')).exitCode).toBe(0)
  const after = await there.cli('sweep')
  expect([after.exitCode, after.stdout]).toEqual([0, expect.stringMatching(/^acme: \d+ backups? removed/m)])
  const kept = await listed()
  open()
  await until(() => road(0).underWay() === 0, PATIENCE_MS)
  expect(kept.filter(id => olds.includes(id))).toEqual([])
  expect(await listed()).toEqual(kept)
  await auditStore(here.parts())
  const { proof } = await here.restore('acme', `again ${seed}`)
  expect(proof.differences).toEqual([])
})

test('of two daemons the second is refused, and told by whom', async () => {
  const first = startDaemon(here)
  endings.push(() => first.kill('SIGKILL'))
  await first.ready
  const second = startDaemon(there)
  expect(await second.ended).toEqual({ code: EXIT.busy, signal: null })
  expect(second.stderr()).toMatch(new RegExp(`daemon\\.json is held by .*process ${first.pid}`))
  expect(second.stderr()).toContain('hint: another daemon works on this store')
  first.kill('SIGTERM')
  expect((await first.ended).code).toBe(0)
})
