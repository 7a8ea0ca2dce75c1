// The built daemon on R2 and on the fake Hetzner, both over real ports: the snapshots' and the archives' time comes, what they
// make is there, every page shows it, and what they made is handed out over HTTP to those who may have it.
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { loadConfig } from '../../src/config.js'
import type { Role } from '../../src/domain/role.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { archiveKey } from '../../src/store/keys.js'
import type { Store } from '../../src/store/port.js'
import { s3Store } from '../../src/store/s3.js'
import { systemClock } from '../../src/sys/clock.js'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type DaemonProcess, editConfig, startDaemon } from '../kit/daemon.js'
import { type FakeHetzner, fakeHetzner } from '../kit/hetzner/server.js'
import { type Installation, install } from '../kit/installation.js'
import { noise } from '../kit/noise.js'
import { type R2, startR2 } from '../kit/r2.js'

const ACME = subjectNamed('acme')
const DOCUMENT = 'documents/Größe & "contract".pdf'
const CONTENT = noise(3_000_000, 7)
/** Due a moment ago, so that the daemon's first look finds its time come. */
const DUE = new Date(Date.now() - 60_000)
const MONTH = DUE.toISOString().slice(0, 7)

let cluster: Cluster
let r2: R2
let bucket: Store
let fake: FakeHetzner
let here: Installation
let daemon: DaemonProcess
let address: string

function schedule(name: string, more: object): void {
  const cron = `${DUE.getUTCMinutes()} ${DUE.getUTCHours()} ${DUE.getUTCDate()} * *`
  const timing = { cron, time_zone: 'UTC', why: 'a test', freshness_window: '400d', catch_up: true }
  const text = stringify({ ...timing, deadline: '1h', ...more })
  writeFileSync(join(here.folder, 'schedules', `${name}.yaml`), text)
}

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE t AS SELECT 1 AS n' })
  r2 = await startR2()
  bucket = s3Store(r2)
  fake = await fakeHetzner(systemClock)
  fake.project.addServer()
  fake.project.fate = () => ({ takesMs: 0, hiddenMs: 0, ends: 'available' })
  const access = { access_key_id: r2.accessKeyId, secret_access_key: r2.secretAccessKey }
  here = await install(cluster.target, {
    config: {
      store: { type: 's3', endpoint: r2.endpoint, bucket: r2.bucket, ...access },
      hetzner: { endpoint: fake.endpoint, token: fake.token },
    },
  })
  await s3Store({ ...r2, anyKeys: true }).put(`${ACME}/${DOCUMENT}`, CONTENT)
  expect((await here.night()).run.outcome).toBe('succeeded')
  schedule('server-snapshots', {
    job: 'snapshot-servers',
    servers: [{ server: 'gmah-app', checkpoint: true }],
  })
  schedule('monthly-archives', { job: 'archive-tenants' })
  for (const one of loadConfig({ path: here.configFile }).config.schedules)
    if (one.job !== 'backup-all') here.app.states.setSince(one, new Date(0))
  daemon = startDaemon(here)
  await daemon.ready
  address = String((await daemon.said(/^the daemon is ready/)).address)
})

afterAll(async () => {
  daemon.kill('SIGTERM')
  await daemon.ended
  await here.remove()
  await fake.close()
  await r2.stop()
  await cluster.stop()
})

async function keysBelow(prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of bucket.list(prefix)) keys.push(key)
  return keys
}

const token = (role: Role, tenants: string[] | null = null) =>
  here.app.tokens.create({
    name: `${role} ${here.app.tokens.list().length}`,
    role,
    tenants: tenants?.map(subjectNamed) ?? null,
    expiresAt: null,
  }).secret

const call = (method: string, path: string, as: string, body?: object) =>
  fetch(`${address}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${as}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })

const statusOf = async (...asked: Parameters<typeof call>) => (await call(...asked)).status
const audited = (action: string) => here.app.journal.auditLines().filter(one => one.action === action)

test('their time comes: a snapshot with its sheet, and an archive, in the bucket', async () => {
  for (const job of ['snapshot-servers', 'archive-tenants']) {
    await until(() => (here.app.journal.lastRun(job)?.outcome ?? 'running') !== 'running', 90_000)
    const run = here.app.journal.lastRun(job)
    expect([job, run?.outcome, run?.error]).toEqual([job, 'succeeded', null])
    expect(['schedule', 'catch-up']).toContain(run?.trigger)
  }
  expect(await keysBelow('platform/snapshots/gmah-app/')).toHaveLength(1)
  expect(await keysBelow(`${ACME}/archives/`)).toEqual([
    `${ACME}/archives/${MONTH}.json.age`,
    `${ACME}/archives/${MONTH}.tar.zst.age`,
  ])
  expect(fake.violations).toEqual([])
})

test('metrics and status show age, size, cost and duration', async () => {
  const { text } = await daemon.http('/metrics')
  const metric = (name: string) =>
    Number(new RegExp(`^gmah_backup_snapshot_${name}\\{server="gmah-app"\\} (\\S+)$`, 'm').exec(text)?.[1])
  const made = Date.parse(fake.project.made[0]?.created ?? '') / 1000
  expect(metric('last_timestamp_seconds')).toBe(made)
  expect([metric('last_bytes'), metric('last_cost_per_month')]).toEqual([4.25e9, 0.0608])
  expect(metric('last_duration_seconds')).toBeGreaterThan(0)
  const status = await here.cli('status')
  expect(status.stdout).toMatch(/gmah-app +\d+ +20\S+ \S+ +\S.* +4\.25 GB +0\.06 EUR +[\d.]+ s/)
  expect(status.stdout).not.toContain(fake.token)
})

describe('over HTTP', () => {
  test('one file of an archive: streamed, with its sum, to an operator of that tenant alone', async () => {
    const path = `/tenants/acme/archives/${MONTH}/extractions`
    const answer = await call('POST', path, token('operator', ['acme']), { file: DOCUMENT })
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, String(CONTENT.length)])
    const body = Buffer.from(await answer.arrayBuffer())
    expect(body.equals(CONTENT)).toBe(true)
    const sum = createHash('sha256').update(CONTENT).digest('base64')
    expect(answer.headers.get('repr-digest')).toBe(`sha-256=:${sum}:`)
    expect(answer.headers.get('content-disposition')).toContain(encodeURIComponent('Größe & "contract".pdf'))
    expect(await statusOf('POST', path, token('viewer'), { file: DOCUMENT })).toBe(403)
    expect(await statusOf('POST', path, token('operator', ['globex']), { file: DOCUMENT })).toBe(403)
    expect(await statusOf('POST', path, token('operator'), { file: 'documents/none' })).toBe(404)
    expect(audited('archive-extract').map(one => [one.target, one.outcome])).toEqual([
      [ACME, 'refused'],
      [ACME, 'refused'],
      ['acme '.concat(MONTH), 'refused'],
      [ACME, 'allowed'],
    ])
    expect(audited('archive-extract').at(-1)?.detail).toContain('contract')
  })

  test('what is in an archive is told by pages, each item once', async () => {
    const path = `/tenants/acme/archives/${MONTH}`
    const names: string[] = []
    for (let from: number | null = 0; from !== null; ) {
      const answer = await call('GET', `${path}?limit=2&from=${from}`, token('viewer'))
      const { contents } = (await answer.json()) as {
        contents: { entries: { name: string }[]; next: number | null }
      }
      expect(contents.entries.length).toBeLessThanOrEqual(2)
      names.push(...contents.entries.map(one => one.name))
      from = contents.next
    }
    const own = ['README.txt', 'manifest.json', 'globals.sql', 'database.dump']
    expect(names).toEqual([...own, DOCUMENT, 'SHA256SUMS'])
  })

  test('a verification leaves the same whichever way it was asked for', async () => {
    const path = `/tenants/acme/archives/${MONTH}/verify`
    expect(await statusOf('POST', path, token('operator'), { wait: true })).toBe(200)
    const [overHttp] = here.app.journal.runs({ job: 'archive-verify', limit: 1 })
    const told = await here.cli('--json', 'archive', 'verify', 'acme', MONTH)
    const [typed] = here.app.journal.runs({ job: 'archive-verify', limit: 1 })
    const { indexed: _, ...facts } = JSON.parse(told.stdout)
    expect(facts).toEqual({ archive: MONTH, members: 6, bytes: expect.any(Number) })
    expect([typed?.facts, typed?.trigger, typed?.process.pid]).toEqual([facts, 'manual', daemon.pid])
    expect([overHttp?.facts, overHttp?.trigger]).toEqual([facts, 'api'])
    expect(here.app.journal.report(overHttp?.id as never)).toEqual(
      here.app.journal.report(typed?.id as never),
    )
  })

  test('what turns out damaged on its way is cut short, never whole', async () => {
    const made = await call('POST', '/tenants/acme/archives', token('operator'), { wait: true })
    const { archive } = ((await made.json()) as { facts: { archive: string } }).facts
    const key = archiveKey(ACME, archive as never)
    const { body } = await bucket.get(key)
    const damaged = Buffer.from(body)
    const at = damaged.length - 200_000
    damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at)
    await bucket.put(key, damaged)
    const path = `/tenants/acme/archives/${archive}/extractions`
    const answer = await call('POST', path, token('operator'), { file: DOCUMENT })
    expect(answer.status).toBe(200)
    await expect(answer.arrayBuffer()).rejects.toThrow()
  })

  test('snapshots: listed, one more made, their sheets read, one removed', async () => {
    const [operator, admin] = [token('operator'), token('admin')]
    const first = fake.project.made[0]?.id ?? 0
    const made = await call('POST', '/snapshots', operator, { server: 'gmah-app', wait: true })
    expect([made.status, await made.json()]).toMatchObject([200, { outcome: 'succeeded' }])
    const second = fake.project.made[1]?.id ?? 0
    const sheet = await call('GET', `/snapshots/${first}/sheet`, operator)
    expect(await sheet.json()).toMatchObject({ image: { id: first }, server: { name: 'gmah-app' } })
    const latest = await call('GET', '/snapshots/latest/sheet?server=gmah-app', operator)
    expect(await latest.json()).toMatchObject({ image: { id: second } })
    expect(await statusOf('GET', '/snapshots/7/sheet', operator)).toBe(404)
    expect(await statusOf('GET', `/snapshots/${first}/sheet`, token('viewer'))).toBe(403)
    expect(await statusOf('DELETE', `/snapshots/${first}`, operator)).toBe(403)
    expect(await statusOf('DELETE', `/snapshots/${second}`, admin)).toBe(409)
    expect(await statusOf('DELETE', `/snapshots/${first}`, admin)).toBe(200)
    expect([...fake.project.images.keys()]).toEqual([second])
    expect(await keysBelow('platform/snapshots/gmah-app/')).toHaveLength(1)
    expect(audited('snapshot-delete').map(one => [one.target, one.outcome])).toEqual([
      [`snapshot ${first}`, 'allowed'],
      [`snapshot ${second}`, 'refused'],
      [String(first), 'refused'],
    ])
  })
})

test("typed on the machine, a snapshot and its removal are the daemon's runs", async () => {
  const [older = 0] = fake.project.images.keys()
  const made = await here.cli('--json', 'snapshot', 'create', 'gmah-app', '--description', 'by hand')
  expect([made.exitCode, made.stderr]).toEqual([0, ''])
  const { image } = JSON.parse(made.stdout).snapshot
  const gone = await here.cli('--json', 'snapshot', 'delete', String(older))
  expect(JSON.parse(gone.stdout)).toEqual({ image: older, server: 'gmah-app' })
  expect([...fake.project.images.keys()]).toEqual([image])
  const refused = await here.cli('snapshot', 'delete', String(image))
  expect([refused.exitCode, refused.stderr]).toEqual([5, expect.stringContaining('[snapshot-protected]')])
  const runs = here.app.journal
    .runs({ limit: 3 })
    .map(run => [run.job, run.process.pid, run.trigger, run.facts])
  expect(runs).toEqual([
    ['snapshot-delete', daemon.pid, 'manual', expect.anything()],
    ['snapshot-delete', daemon.pid, 'manual', { image: older, server: 'gmah-app' }],
    ['snapshot-create', daemon.pid, 'manual', { image, server: 'gmah-app' }],
  ])
  expect(fake.violations).toEqual([])
})

test('without a token the layer is off, and every page says so and why', async () => {
  editConfig(here, config => {
    delete config.hetzner
  })
  daemon.kill('SIGHUP')
  await until(() => here.events('config-reloaded').length > 0)
  const listed = (await (await call('GET', '/snapshots', token('viewer'))).json()) as {
    off: boolean
    snapshots: { status: string }[]
  }
  expect([listed.off, listed.snapshots.map(one => one.status)]).toEqual([true, ['unasked']])
  const refused = await call('POST', '/snapshots', token('operator'), { server: 'gmah-app', wait: true })
  expect([refused.status, await refused.json()]).toMatchObject([
    409,
    { code: 'hetzner-off', hint: expect.stringContaining('hetzner.token_file') },
  ])
  const schedules = (await (await call('GET', '/schedules', token('viewer'))).json()) as object
  expect(JSON.stringify(schedules)).not.toContain('server-snapshots')
  const status = await here.cli('status')
  expect(status.stdout).toMatch(/server snapshots: off, no hetzner\.token_file in the configuration/)
})
