// A server put back from a snapshot against the fake API: what is refused before anything changes, and what a rebuild does.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sameServer, whereAmI } from '../../src/hetzner/own-server.js'
import { serverSchema } from '../../src/hetzner/shapes.js'
import { findSheet, listSnapshots } from '../../src/jobs/list-snapshots.js'
import { deleteSnapshot } from '../../src/jobs/manual-snapshots.js'
import { planRebuild, rebuildServer } from '../../src/jobs/rebuild-server.js'
import { type SnapshotDesk, snapshotDesk } from '../kit/hetzner/desk.js'
import { occasions } from '../kit/hetzner/faults.js'
import { never } from '../kit/repository.js'

const ELSEWHERE = { serverId: null, hostname: 'laptop', addresses: ['192.168.1.7'] }
let desk: SnapshotDesk
let app: number

beforeEach(async () => {
  desk = await snapshotDesk()
  app = desk.fake.project.addServer()
  expect((await desk.week()).failure).toBeNull()
})
afterEach(async () => {
  expect(desk.fake.violations).toEqual([])
  await desk.close()
})

const image = () => String(desk.fake.project.made.at(-1)?.id)
const plan = (more = {}) =>
  planRebuild(desk.parts, { serverName: 'gmah-app', image: image(), ...more }, never, ELSEWHERE)
const posts = () => desk.fake.calls.filter(one => one.path.endsWith('/rebuild')).length

test('a rebuild: planned, carried out once, waited for; the new root password is nowhere', async () => {
  const { fake, parts, clock } = desk
  await clock.advance(30 * 86_400_000)
  const made = await plan()
  expect(made.warnings).toEqual([
    'everything on the disk of gmah-app (203.0.113.10) will be gone',
    'the snapshot is 30 days old',
  ])
  fake.faults = occasions({ path: /rebuild$/, fault: { cut: 'after' } })
  const done = await rebuildServer(parts, made, never)
  expect(fake.project.rebuilt).toEqual([{ server: app, image: Number(image()) }])
  expect([posts(), done.ip]).toEqual([1, '203.0.113.10'])
  expect(JSON.stringify([made, done])).not.toContain('never-to-be-shown')
})

test.each<[string, object, RegExp]>([
  ['protection', { protection: { delete: true, rebuild: true } }, /protected against a rebuild/],
  ['a smaller disk', { primary_disk_size: 40 }, /disk of 80 GB, and it has 40/],
  ['another action', { locked: true }, /another action holds it/],
])('%s refuses it before anything changes', async (_name, change, reason) => {
  Object.assign(desk.fake.project.servers.get(app) ?? {}, change)
  await expect(plan()).rejects.toMatchObject({
    code: 'rebuild-refused',
    message: expect.stringMatching(reason),
  })
  expect(posts()).toBe(0)
})

test('another architecture is refused too', async () => {
  const server = desk.fake.project.servers.get(app)
  if (server) server.server_type.architecture = 'arm'
  await expect(plan()).rejects.toMatchObject({ message: expect.stringMatching(/of an x86 machine/) })
})

test('the confirmation must name both, and an id is not a name', async () => {
  await expect(plan({ serverName: 'gmah-ap' })).rejects.toMatchObject({ code: 'server-unknown' })
  await expect(plan({ serverName: String(app) })).rejects.toMatchObject({ code: 'server-unknown' })
  await expect(plan({ image: '1' })).rejects.toMatchObject({ code: 'snapshot-unknown' })
  await expect(plan({ image: 'latest' })).rejects.toMatchObject({ code: 'snapshot-unknown' })
})

test('never the server it runs on: by the metadata, by an address, by the name', async () => {
  const server = serverSchema.parse(desk.fake.project.servers.get(app))
  expect(sameServer({ ...ELSEWHERE, serverId: app }, server)).toMatch(/metadata/)
  expect(sameServer({ ...ELSEWHERE, addresses: ['203.0.113.10'] }, server)).toMatch(/address/)
  expect(sameServer({ ...ELSEWHERE, hostname: 'gmah-app.example.com' }, server)).toMatch(/called/)
  expect(sameServer({ serverId: 99, hostname: 'gmah-app', addresses: [] }, server)).toBeNull()
  expect(sameServer(ELSEWHERE, server)).toBeNull()
  expect((await whereAmI(never, 'http://127.0.0.1:1/')).serverId).toBeNull()
  const there = { ...ELSEWHERE, serverId: app }
  const refused = planRebuild(desk.parts, { serverName: 'gmah-app', image: image() }, never, there)
  await expect(refused).rejects.toMatchObject({
    code: 'rebuild-refused',
    hint: expect.stringMatching(/another machine/),
  })
})

test('the list and the sheet, with a token and without; a recovery identity alone opens the sheet', async () => {
  const { parts } = desk
  desk.fake.project.addImage(app)
  const rows = await listSnapshots(parts, never)
  expect(rows.map(one => [one.ours, one.sheet !== null])).toEqual([
    [false, false],
    [true, true],
  ])
  expect(rows[1]).toMatchObject({
    sizeGb: 4.25,
    costPerMonth: 0.0608,
    schedule: 'server-snapshots',
    server: 'gmah-app',
  })
  const { store } = parts.repository
  const recovery = (parts.repository as unknown as { recovery: string }).recovery
  const outpost = {
    ...parts,
    hetzner: null,
    repository: { store, keyring: { identities: [recovery], recipients: [] } },
  }
  expect((await listSnapshots(outpost, never)).map(one => one.status)).toEqual(['unasked'])
  expect((await findSheet(outpost, { which: 'latest', server: 'gmah-app' })).image.id).toBe(Number(image()))
  await expect(findSheet(outpost, { which: '7', server: null })).rejects.toMatchObject({
    code: 'snapshot-unknown',
  })
})

test('by hand, the newest, a foreign, a kept and a protected one are not removed', async () => {
  const context = { run: 'aaaaaaaaaaaa' as never, signal: never, emit: () => {} }
  const first = desk.fake.project.made[0]
  const foreign = desk.fake.project.addImage(app)
  const drop = (id: number) => deleteSnapshot(desk.parts, id, context)
  await expect(drop(first?.id ?? 0)).rejects.toMatchObject({
    code: 'snapshot-protected',
    hint: expect.stringMatching(/make another/),
  })
  await expect(drop(foreign.id)).rejects.toMatchObject({ code: 'snapshot-protected' })
  await expect(drop(1)).rejects.toMatchObject({ code: 'snapshot-unknown' })
  await desk.clock.advance(7 * 86_400_000)
  await desk.week()
  if (first) first.labels.keep = ''
  await expect(drop(first?.id ?? 0)).rejects.toMatchObject({ code: 'snapshot-protected' })
  if (first) delete first.labels.keep
  expect(await drop(first?.id ?? 0)).toMatchObject({ server: 'gmah-app' })
  expect([...desk.store.objects.keys()].filter(key => key.startsWith('platform/snapshots/'))).toHaveLength(1)
})
