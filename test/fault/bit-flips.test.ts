// One wrong bit, or a whole wrong object, in any object of a store: found on restore and on export, named, never restored in silence,
// and no more is lost than what needs that very object.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { asFailure, type ErrorCode } from '../../src/domain/errors.js'
import type { Manifest } from '../../src/domain/manifest.js'
import { tenantSubject } from '../../src/domain/subject.js'
import { openBackup } from '../../src/jobs/open-backup.js'
import { manifestName } from '../../src/repository/manifests.js'
import { chunkKey, leaseKey, manifestKey, tenantKeyKey } from '../../src/store/keys.js'
import type { Store } from '../../src/store/port.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { type Installation, install } from '../kit/installation.js'
import { churn } from '../kit/platform/churn.js'
import { seedPlatform } from '../kit/platform/seed.js'
import { readBack } from '../kit/repository.js'

const ACME = tenantSubject('acme', 'gmah_org_acme').id
const GLOBEX = tenantSubject('globex', 'gmah_org_globex').id

let cluster: Cluster
let here: Installation
let store: Store
let first: Manifest
let second: Manifest
let theirs: Manifest
let sound: Map<string, Uint8Array>
let restores = 0

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme', 'globex'], megabytesPerTenant: 0.6 })
  here = await install(cluster.target, {
    config: { dump: { cutter: { min: '16KiB', average: '64KiB', max: '256KiB' } } },
  })
  store = here.parts().repository.store
  const names = ['acme', 'globex']
  first = backupOf((await here.night({ names })).report, ACME)
  await churn(cluster.target, 'acme', 0.05)
  const { report } = await here.night({ names })
  second = backupOf(report, ACME)
  theirs = backupOf(report, GLOBEX)
  sound = await everything()
})

beforeEach(async () => {
  for (const [key, body] of sound) await store.put(key, body)
})

afterAll(async () => {
  await here.remove()
  await cluster.stop()
})

function backupOf(report: Awaited<ReturnType<Installation['night']>>['report'], subject: string): Manifest {
  const found = report?.succeeded.find(one => one.subject === subject)
  if (!found) throw new Error(`${subject} was not backed up`)
  return found
}

async function everything(): Promise<Map<string, Uint8Array>> {
  const objects = new Map<string, Uint8Array>()
  for await (const { key } of store.list('tenants/')) objects.set(key, (await store.get(key)).body)
  return objects
}

const bodyOf = (key: string): Buffer => Buffer.from(sound.get(key) ?? [])
const manifestOf = (one: Manifest): string => manifestKey(manifestName(one))
/** A chunk of the second backup that the first does not need, and one that both need. */
const newChunk = (): string => {
  const old = new Set(first.chunks.map(one => one.id))
  const found = second.chunks.find(one => !old.has(one.id))
  return chunkKey(ACME, found!.id)
}
const sharedChunk = (): string => {
  const old = new Set(first.chunks.map(one => one.id))
  return chunkKey(ACME, second.chunks.find(one => old.has(one.id))!.id)
}

/** Neither restore nor export gives anything out: both name the object and the tenant or the backup, and leave nothing. */
async function expectRefused(backup: string, code: ErrorCode, said: RegExp): Promise<void> {
  const database = `restored ${++restores}`
  const failure = await here.restore('acme', database, { backup }).then(() => expect.unreachable(), asFailure)
  expect([failure.code, failure.message]).toEqual([code, expect.stringMatching(said)])
  const left = "SELECT datname FROM pg_database WHERE datname LIKE 'restor%' AND datname !~ '^restored ok'"
  expect(await cluster.sql('postgres', left)).toEqual([])
  const [run] = here.app.journal.runs({ limit: 1 })
  expect(run).toMatchObject({ job: 'restore', outcome: 'failed', error: { code } })
  const file = join(here.folder, `${restores}.dump`)
  const { exitCode, stdout, stderr } = await here.cli(
    'backup',
    'export',
    'acme',
    '--backup',
    backup,
    '--to',
    file,
  )
  expect([exitCode, `${stdout}${stderr}`]).toEqual([8, expect.stringMatching(said)])
  expect(existsSync(file)).toBe(false)
}

/** Its whole stream comes out, checked: all that a restore needs of the store. */
async function expectReadable(tenant: string, backup: string): Promise<void> {
  const { repository } = here.parts()
  const { key, manifest } = await openBackup(repository, tenantSubject(tenant, '').id, backup)
  expect(await readBack(repository, key, manifest)).toHaveLength(manifest.stream.bytes)
}

async function expectRestorable(tenant: string, backup: string): Promise<void> {
  const { proof, manifest } = await here.restore(tenant, `restored ok ${++restores}`, { backup })
  expect(proof.differences).toEqual([])
  expect(manifest.backup.startsWith(backup) || backup === 'latest').toBe(true)
}

const named = (key: string): RegExp => new RegExp(key.replace(/[.+]/g, '\\$&'))

describe('a chunk', () => {
  const damages: [string, (body: Buffer) => Buffer, ErrorCode][] = [
    ['one bit of it', body => flipped(body, body.length - 40), 'object-corrupt'],
    ['cut short', body => body.subarray(0, body.length >> 1), 'object-corrupt'],
    ['emptied', () => Buffer.alloc(0), 'object-corrupt'],
    [
      'swapped for another of the same tenant',
      () => bodyOf(chunkKey(ACME, first.chunks[0]!.id)),
      'object-corrupt',
    ],
    ["swapped for another tenant's", () => bodyOf(chunkKey(GLOBEX, theirs.chunks[0]!.id)), 'object-corrupt'],
  ]
  it.each(damages)('%s: the backups that need it are refused, no other', async (_, damage, code) => {
    const key = newChunk()
    await store.put(key, damage(bodyOf(key)))
    await expectRefused(second.backup, code, new RegExp(`${key} of backup ${second.backup} \\(acme\\)`))
    await expectReadable('acme', first.backup)
  })

  it('gone, and needed by both: both are refused, another tenant is not', async () => {
    const key = sharedChunk()
    await store.delete(key)
    await expectRefused(first.backup, 'object-missing', new RegExp(`${key} of backup ${first.backup}`))
    await expectRefused(second.backup, 'object-missing', new RegExp(`${key} of backup ${second.backup}`))
    await expectRestorable('globex', 'latest')
  })

  it('emptied or cut short is not taken as there by the next night: it is stored anew, and told', async () => {
    const [empty, short] = [newChunk(), sharedChunk()]
    await store.put(empty, Buffer.alloc(0))
    await store.put(short, bodyOf(short).subarray(0, bodyOf(short).length - 1))
    const { run, report } = await here.night({ names: ['acme'] })
    expect(run.outcome).toBe('succeeded')
    const third = backupOf(report, ACME)
    expect(third.stored.newChunks).toBe(2)
    const [told] = here.events('objects-damaged').slice(-1)
    expect(told).toMatchObject({ run: run.id, subject: ACME, facts: { count: 2 } })
    expect(JSON.stringify(told?.facts)).toContain(empty)
    expect(JSON.stringify(told?.facts)).toContain(short)
    // What they are for is whole again too.
    for (const { backup } of [first, second]) await expectReadable('acme', backup)
    await expectRestorable('acme', third.backup)
    await store.delete(manifestOf(third))
  })
})

describe('a manifest', () => {
  it.each([
    ['one bit of it', () => flipped(bodyOf(manifestOf(second)), 400), 'object-corrupt'],
    ['one bit of its header', () => flipped(bodyOf(manifestOf(second)), 60), 'object-corrupt'],
    ['cut short', () => bodyOf(manifestOf(second)).subarray(0, 500), 'object-corrupt'],
    ['emptied', () => Buffer.alloc(0), 'object-corrupt'],
    ["swapped for another tenant's", () => bodyOf(manifestOf(theirs)), 'object-corrupt'],
    ['swapped for an older one', () => bodyOf(manifestOf(first)), 'manifest-invalid'],
  ] as const)('%s: that backup is refused, the older one is not', async (_, damage, code) => {
    await store.put(manifestOf(second), damage())
    await expectRefused(second.backup, code, named(manifestOf(second)))
    await expectReadable('acme', first.backup)
    const { exitCode, stdout } = await here.cli('--json', 'catalogue', 'rebuild')
    expect(exitCode).toBe(3)
    expect(JSON.parse(stdout)).toMatchObject({
      subjects: 2,
      backups: 3,
      problems: [{ key: manifestOf(second), code }],
    })
    expect(
      here
        .parts()
        .catalogue.list()
        .map(one => one.id),
    ).not.toContain(second.backup)
  })
})

describe("a tenant's key", () => {
  it.each([
    ['one bit of it', () => flipped(bodyOf(tenantKeyKey(ACME)), bodyOf(tenantKeyKey(ACME)).length - 40)],
    ['cut short', () => bodyOf(tenantKeyKey(ACME)).subarray(0, 300)],
    ['emptied', () => Buffer.alloc(0)],
    ["swapped for another tenant's", () => bodyOf(tenantKeyKey(GLOBEX))],
  ] as const)("%s: named, the tenant's night fails without writing, others go on", async (_, damage) => {
    await store.put(tenantKeyKey(ACME), damage())
    await expectRefused(
      'latest',
      'object-corrupt',
      /the key of acme, tenants\/acme\/backups\/key\.age, cannot be used/,
    )
    const before = [...(await everything()).keys()].filter(key => key.includes('acme'))
    const { run, report } = await here.night({ names: ['acme', 'globex'] })
    expect(run.outcome).toBe('partial')
    expect(report?.failed.map(one => [one.subject, one.failure.code])).toEqual([[ACME, 'object-corrupt']])
    expect([...(await everything()).keys()].filter(key => key.includes('acme'))).toEqual(before)
    await expectReadable('globex', 'latest')
    await store.delete(manifestOf(backupOf(report, GLOBEX)))
  })
})

it('a lease that cannot be read keeps its subject safe, and says so; the others go on', async () => {
  const lease = leaseKey(ACME)
  const before = (await store.get(lease)).body
  await store.put(lease, flipped(Buffer.from(before), 8))
  const { run, report } = await here.night({ names: ['acme', 'globex'] })
  expect(run.outcome).toBe('partial')
  expect(report?.failed.map(one => [one.subject, one.failure.code, one.failure.message])).toEqual([
    [ACME, 'subject-busy', `${lease} is held by something that left no readable lease`],
  ])
  await store.put(lease, before)
  await store.delete(manifestOf(backupOf(report, GLOBEX)))
})

function flipped(body: Buffer, at: number): Buffer {
  const copy = Buffer.from(body)
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at)
  return copy
}
