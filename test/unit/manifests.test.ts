// Manifests in the store: committed once, last; named when they cannot be used; found among whatever else is there.
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { asFailure } from '../../src/domain/errors.js'
import { instantOf } from '../../src/domain/ids.js'
import type { Manifest } from '../../src/domain/manifest.js'
import {
  chooseManifest,
  commitManifest,
  listManifests,
  listSubjects,
  manifestName,
  readManifest,
} from '../../src/repository/manifests.js'
import { openTenantKey, type TenantKey } from '../../src/repository/tenant-keys.js'
import { manifestKey } from '../../src/store/keys.js'
import { retrying } from '../../src/store/retrying.js'
import { manualClock } from '../kit/clock.js'
import { faultyStore } from '../kit/faulty-store.js'
import { type MemoryStore, memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import { ACME, backUp, GLOBEX, testRepository } from '../kit/repository.js'

const NIGHTS = ['2026-11-21T02:00:00.000Z', '2026-11-22T02:00:00.000Z', '2026-11-23T02:00:00.000Z']
let store: MemoryStore
let key: TenantKey
let manifests: Manifest[]
const repository = testRepository(memoryStore())

beforeEach(async () => {
  store = memoryStore()
  repository.store = store
  manifests = []
  for (const night of NIGHTS) manifests.push(await backUp(repository, ACME, noise(100_000, 1), night))
  key = await openTenantKey(store, repository.keyring, ACME)
})

afterAll(() => repository.close())

const where = (n: number): string => manifestKey(manifestName(manifests[n]!))
const bodyOf = (one: string): Buffer => store.objects.get(one)!.body
const reading = (n: number) =>
  readManifest(store, key, manifestName(manifests[n]!)).then(() => expect.unreachable(), asFailure)

describe('committing', () => {
  it('happens once: a second time is a conflict, and what is there stays', async () => {
    const before = bodyOf(where(0))
    await expect(commitManifest(store, key, manifests[0]!)).rejects.toMatchObject({ code: 'store-conflict' })
    expect(bodyOf(where(0)).equals(before)).toBe(true)
  })

  it('counts when the store did it and its answer was lost', async () => {
    await store.delete(where(2))
    const lossy = faultyStore(store, [{ on: 'put', effect: { failAfter: 'store-unreachable' } }])
    const patient = retrying(lossy, { clock: manualClock(undefined, { skipSleeps: true }) })
    await commitManifest(patient, key, manifests[2]!)
    expect(lossy.calls.filter(one => one.operation === 'put')).toHaveLength(2)
    expect(await readManifest(store, key, manifestName(manifests[2]!))).toEqual(manifests[2])
  })

  it('never stores one that does not add up', async () => {
    const [first] = manifests
    const short = { ...first!, backup: 'aaaaaaaaaaaa' as never, chunks: first!.chunks.slice(1) }
    await expect(commitManifest(store, key, short)).rejects.toMatchObject({ code: 'manifest-invalid' })
    expect(store.objects.has(manifestKey(manifestName(short)))).toBe(false)
  })
})

describe('reading', () => {
  it('names the manifest whatever is wrong with it', async () => {
    const body = bodyOf(where(1))
    await backUp(repository, GLOBEX, noise(1000, 2))
    const theirs = [...store.objects.keys()].find(one => one.includes('globex') && one.includes('manifests'))
    const damaged: Buffer[] = [
      Buffer.alloc(0),
      Buffer.from('nonsense'),
      body.subarray(0, body.length - 1),
      Buffer.concat([body, body]),
      bodyOf(theirs!),
      ...[0, 25, 60, 100, 150, 190, 250, body.length - 1].map(at => flipped(body, at)),
    ]
    for (const one of damaged) {
      await store.put(where(1), one)
      const told = await reading(1)
      expect([told.code, told.message]).toEqual(['object-corrupt', `the manifest ${where(1)} cannot be used`])
    }
    await store.delete(where(1))
    expect((await reading(1)).message).toContain(where(1))
  })

  it('refuses an older manifest that stands under a newer name', async () => {
    await store.put(where(2), bodyOf(where(0)))
    const told = await reading(2)
    expect([told.code, told.message]).toEqual([
      'manifest-invalid',
      `the manifest ${where(2)} says it is ${where(0)}`,
    ])
  })
})

describe('finding', () => {
  it('lists newest first and passes over what is not of our making', async () => {
    for (const other of [
      'README',
      `${NIGHTS[0]}.json.zst.age`,
      '20261123T020000.000Z-odd-aaaaaaaaaaaa.json.zst.age',
    ])
      await store.put(`tenants/acme/backups/manifests/${other}`, Buffer.from('x'))
    const names = await listManifests(store, ACME)
    expect(names.map(one => one.backup)).toEqual(manifests.map(one => one.backup).reverse())
  })

  it('knows every subject with a key or a manifest, and no other folder', async () => {
    await backUp(repository, GLOBEX, noise(1000, 2))
    await store.delete('tenants/globex/backups/key.age')
    await store.put('tenants/initech/backups/key.age', Buffer.from('x'))
    await store.put('tenants/umbrella/documents/contract.pdf', Buffer.from('x'))
    await store.put('tenants/Not%2gours/backups/key.age', Buffer.from('x'))
    await store.put('platform/globals/key.age', Buffer.from('x'))
    expect(await listSubjects(store)).toEqual(['platform/globals', ACME, GLOBEX, 'tenants/initech'])
  })

  it('chooses by `latest`, by id, by the beginning of one, by instant', async () => {
    const names = await listManifests(store, ACME)
    const chosen = (wanted: string) => chooseManifest(names, wanted, ACME).backup
    const [first, second, third] = manifests.map(one => one.backup)
    expect(chosen('latest')).toBe(third)
    expect(chosen(second!)).toBe(second)
    expect(chosen('2026-11-22T01:59:59Z')).toBe(first)
    expect(chosen('20261122T020000Z')).toBe(second)
    expect(chosen('20261122T020000.000Z')).toBe(second)
    for (const wanted of ['2026-11-20T00:00:00Z', 'abcdefabcdef'])
      expect(() => chosen(wanted)).toThrow(expect.objectContaining({ code: 'backup-unknown' }))
    for (const wanted of ['yesterday', 'abc', ''])
      expect(() => chosen(wanted)).toThrow(expect.objectContaining({ code: 'usage' }))
    const young = { ...names[0]!, instant: instantOf(new Date('2026-11-23T02:00:00.750Z')) }
    const within = (wanted: string) => chooseManifest([young, ...names], wanted, ACME).instant
    expect(within('2026-11-23T02:00:00Z')).toBe(young.instant)
    expect(within('2026-11-23T02:00:00.749Z')).toBe(names[0]!.instant)
    const twins = ['aaaa00000000', 'aaaa11111111'].map(backup => ({ ...names[0]!, backup: backup as never }))
    expect(() => chooseManifest(twins, 'aaaa', ACME)).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})

function flipped(body: Buffer, at: number): Buffer {
  const copy = Buffer.from(body)
  copy.writeUInt8(copy.readUInt8(at) ^ 4, at)
  return copy
}
