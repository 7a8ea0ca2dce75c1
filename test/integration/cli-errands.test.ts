// What the daemon does for the command line while it runs: the daemon does it, and what is told has the shape that it has
// without one. Without one means here: with the recovery identity, which is not the daemon's.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keptRun } from '../../src/domain/restore-names.js'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type DaemonProcess, editConfig, startDaemon } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'

let cluster: Cluster
let here: Installation
let daemon: DaemonProcess

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE notes AS SELECT 1 AS id' })
  here = await install(cluster.target)
  // An approval is for those who come in over the network: nobody at the machine waits for one.
  editConfig(here, config => {
    config.api = { approval: 'required' }
  })
  await here.night()
  daemon = startDaemon(here)
  await daemon.ready
})
afterAll(async () => {
  daemon.kill('SIGKILL')
  await here.remove()
  await cluster.stop()
})

interface Told {
  exitCode: number
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any command
  json: any
  run: ReturnType<typeof lastRun>
  /** It started a run of its own. */
  isNew: boolean
}

const lastRun = () => here.app.journal.runs({ limit: 1 })[0]

async function tell(...args: string[]): Promise<Told> {
  const before = lastRun()?.id
  const { exitCode, stdout } = await here.cli('--json', ...args)
  const run = lastRun()
  return { exitCode, json: JSON.parse(stdout), run, isNew: run?.id !== before }
}

async function byDaemon(...args: string[]): Promise<Told> {
  const told = await tell(...args)
  expect(told).toMatchObject({ isNew: true, run: { process: { pid: daemon.pid }, trigger: 'manual' } })
  return told
}

async function byItself(...args: string[]): Promise<Told> {
  const told = await tell('--identity', here.recoveryIdentityFile, ...args)
  expect([told.isNew, told.run?.process.pid === daemon.pid]).toEqual([true, false])
  return told
}

/** Names and kinds of values, however deep. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]))
}

const outcomeOf = ({ exitCode, json, run }: Told) => ({
  exitCode,
  shape: shapeOf(json),
  job: run?.job,
  subject: run?.subject,
  outcome: run?.outcome,
  facts: shapeOf(run?.facts),
})

/** The audit's last line, whoever wrote it. */
const audited = () => here.app.journal.auditLines({ limit: 1 })[0]

test.each(['check', 'sweep'])('%s is told the same either way', async command => {
  const [there, alone] = [await byDaemon(command), await byItself(command)]
  expect(outcomeOf(there)).toEqual(outcomeOf(alone))
})

test("a look at one tenant, or at a name that was mistyped, is not the night's check", async () => {
  const before = here.app.journal.lastRun('check')
  for (const [name, outcome] of [
    ['acme', 'succeeded'],
    ['acmee', 'failed'],
  ] as const)
    expect((await byDaemon('check', name)).run).toMatchObject({ job: 'check-some', outcome })
  expect(here.app.journal.lastRun('check')).toEqual(before)
})

test.each([
  ['verify acme --level stored', { level: 'stored', outcome: 'passed' }],
  ['restore sweep', { dropped: [], failed: [] }],
  ['restore platform/globals', { missing: [], different: [] }],
  ['archive create acme', { subject: 'tenants/acme', exceptions: [] }],
  ['archive verify acme', { indexed: true }],
  ['restore acme --as some_tables --tables notes', { database: 'some_tables', proof: { rows: 1 } }],
  ['restore acme --into-schema side --tables notes', { schema: 'side', proof: { rows: 1 } }],
  ['restore acme --as from_archive --from-archive', { database: 'from_archive', proof: { rows: 1 } }],
  ['restore acme --as some_tables', { error: { code: 'target-exists', exit: 5 } }],
])("%s is the daemon's run", async (words, json) => {
  expect((await byDaemon(...words.split(' '))).json).toMatchObject(json)
})

test("a pin and its end are the daemon's runs", async () => {
  const [backup] = here.app.parts().catalogue.list({ limit: 1 })
  const id = backup?.id as string
  const pinned = await byDaemon('backup', 'pin', id, '--why', 'the audit')
  expect(pinned.json).toMatchObject({ backup: id, why: 'the audit', who: userInfo().username })
  expect((await byDaemon('backup', 'unpin', id)).json).toEqual({ backup: id, pinned: false })
})

test('a restore in place and its undoing are told the same, and need no second person at the machine', async () => {
  const there = await byDaemon('restore', 'acme', '--in-place', '--yes-restore', 'acme')
  expect(there.json).toMatchObject({ downtimeMs: expect.any(Number), database: 'gmah_org_acme' })
  expect(audited()).toMatchObject({ action: 'restore-in-place', target: 'tenants/acme', origin: null })
  const undone = await byDaemon(
    ...['restore', 'undo', keptRun(there.json.kept) ?? '', '--yes-restore', 'acme'],
  )
  expect(undone.json).toMatchObject({ undone: keptRun(there.json.kept), subject: 'tenants/acme' })
  const alone = await byItself('restore', 'acme', '--in-place', '--yes-restore', 'acme')
  expect(outcomeOf(there)).toEqual(outcomeOf(alone))
  expect(audited()).toMatchObject({ action: 'restore-in-place', target: 'tenants/acme' })
})

test('a wrong name is refused before anything is asked of the daemon', async () => {
  const before = lastRun()?.id
  const { exitCode, json } = await tell('restore', 'acme', '--in-place', '--yes-restore', 'acne')
  expect([exitCode, json.error.code, lastRun()?.id]).toEqual([5, 'confirmation-missing', before])
})

test('a playbook is executed by the daemon as a whole', async () => {
  const words = ['playbook', 'run', 'tenant-in-place', '--set', 'tenant=acme', '--yes-restore', 'acme']
  const { exitCode, json } = await tell(...words)
  expect([exitCode, json.state]).toEqual([0, 'succeeded'])
  const runs = here.app.journal.runs({ limit: 3 })
  expect(runs.map(run => run.process.pid)).toEqual(runs.map(() => daemon.pid))
  expect(json.steps.map((one: { state: string }) => one.state)).toEqual(['done', 'done', 'done'])
})

test('a playbook that replaces two databases needs the name of each', async () => {
  const folder = join(here.folder, 'playbooks')
  mkdirSync(folder)
  writeFileSync(
    join(folder, 'both.md'),
    `---
title: both
steps:
  - { do: restore-in-place, name: the master, tenant: platform/master }
  - { do: restore-in-place, name: a tenant, tenant: acme }
---
# both
`,
  )
  editConfig(here, config => void Object.assign(config, { playbooks_directory: 'playbooks' }))
  daemon.kill('SIGHUP')
  await until(() => here.events('config-reloaded').length > 0)
  const run = (...names: string[]) =>
    tell('playbook', 'run', 'both', ...names.flatMap(name => ['--yes-restore', name]))
  expect((await run('acme')).json.error).toMatchObject({
    code: 'confirmation-missing',
    hint: expect.stringContaining('--yes-restore platform/master'),
  })
  const { exitCode, json } = await run('acme', 'platform/master')
  expect([exitCode, json.state]).toEqual([0, 'succeeded'])
  expect(lastRun()?.process.pid).toBe(daemon.pid)
})

const PLANS = [
  'restore acme --as besides --plan',
  'restore acme --in-place --plan',
  'restore acme --as besides --from-archive --plan',
  'restore platform/globals --plan',
  'restore list',
]

test.each([...PLANS, 'restore undo 000000000000', 'retention plan', 'retention plan acme'])(
  '%s is told the same either way',
  async words => {
    const [there, alone] = [
      await tell(...words.split(' ')),
      await tell('--identity', here.recoveryIdentityFile, ...words.split(' ')),
    ]
    expect([there.isNew, alone.isNew]).toEqual([false, false])
    expect(outcomeOf(there)).toEqual(outcomeOf(alone))
  },
)

test('what is shown is what the daemon would do, by the configuration that it has in force', async () => {
  const before = readFileSync(here.configFile, 'utf8')
  editConfig(here, config => {
    config.postgres = { ...config.postgres, host: '/nowhere' }
  })
  try {
    for (const words of PLANS) {
      const there = await tell(...words.split(' '))
      expect([words, there.exitCode, there.json.error]).toEqual([words, 0, undefined])
    }
    const alone = await tell('--identity', here.recoveryIdentityFile, ...(PLANS[0] ?? '').split(' '))
    expect(alone.json.error.code).toBe('postgres-unreachable')
    // What to type next leads to the server on which it was done.
    const { host, port } = cluster.target
    for (const words of [
      'restore acme --as looked_at',
      'restore acme --into-schema looked_at --tables notes',
    ]) {
      const { stdout } = await here.cli(...words.split(' '))
      expect(stdout).toContain(`: psql -h ${host} -p ${port} -U `)
      expect(stdout).not.toContain('/nowhere')
    }
  } finally {
    writeFileSync(here.configFile, before)
  }
})
