// What is said of backups, as the store has it: pins, proofs, marks, and which backups are broken by them.
import { afterAll, beforeEach, expect, test } from 'vitest'
import { instantOf } from '../../src/domain/ids.js'
import type { Manifest } from '../../src/domain/manifest.js'
import type { ProofRecord } from '../../src/domain/records.js'
import { manifestName } from '../../src/repository/manifests.js'
import { putRecord } from '../../src/repository/records.js'
import { readSayings, readStanding } from '../../src/repository/standing.js'
import { ensureTenantKey, type TenantKey } from '../../src/repository/tenant-keys.js'
import { damageKey, manifestKey, pinKey, proofKey } from '../../src/store/keys.js'
import { faultyStore } from '../kit/faulty-store.js'
import { memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import { ACME, backUp, type TestRepository, testRepository } from '../kit/repository.js'

const memory = memoryStore()
const store = faultyStore(memory)
const repository: TestRepository = testRepository(store)
let key: TenantKey
let manifests: Manifest[]

beforeEach(async () => {
  memory.objects.clear()
  store.heal()
  key = await ensureTenantKey(repository, ACME)
  manifests = []
  for (const day of [21, 22, 23]) {
    manifests.push(await backUp(repository, ACME, noise(200_000, day), `2026-11-${day}T01:30:00.000Z`))
  }
})

afterAll(() => repository.close())

const backup = (at: number): Manifest => manifests[at] as Manifest

async function prove(of: Manifest, at: string, more: Partial<ProofRecord> = {}): Promise<void> {
  const record = {
    ...{ format: 1, backup: of.backup, at, level: 'restore', outcome: 'passed', loadSeconds: 1, seconds: 2 },
    ...{ tables: 1, rows: 2, differences: [], tool: 'test', ...more },
  }
  await putRecord(store, key, proofKey(ACME, of.backup, instantOf(new Date(at))), record)
}

const pin = (of: Manifest) =>
  putRecord(store, key, pinKey(ACME, of.backup), {
    ...{ format: 1, backup: of.backup, at: '2026-11-24T00:00:00.000Z', who: 'kim', why: 'the audit' },
  })

async function mark(of: Manifest, chunk = 0): Promise<void> {
  const id = of.chunks[chunk]?.id
  if (!id) throw new Error('it has chunks')
  const record = { format: 1, chunk: id, at: '2026-11-24T00:00:00.000Z', kind: 'missing', message: 'gone' }
  await putRecord(store, key, damageKey(ACME, id), record)
}

test('with no records, every backup stands and nothing is said of it', async () => {
  const seen: string[] = []
  const standing = await readStanding(store, key, { onManifest: name => seen.push(name.backup) })
  const newestFirst = manifests.map(one => one.backup).reverse()
  expect(standing.names.map(name => name.backup)).toEqual(newestFirst)
  expect(seen).toEqual(newestFirst)
  expect([standing.pins, standing.proofs, standing.marked, standing.broken].map(one => one.size)).toEqual([
    ...[0, 0, 0, 0],
  ])
})

test('pins, and of each backup the newest proof that passed a restore', async () => {
  await pin(backup(0))
  await prove(backup(1), '2026-11-23T04:00:00.000Z')
  await prove(backup(1), '2026-11-24T04:00:00.000Z', { rows: 7 })
  await prove(backup(1), '2026-11-25T04:00:00.000Z', { outcome: 'failed', differences: ['x'] })
  await prove(backup(2), '2026-11-25T04:00:00.000Z', { level: 'read' })
  const { pins, proofs } = await readSayings(store, key)
  expect([...pins.values()]).toMatchObject([{ backup: backup(0).backup, why: 'the audit' }])
  expect([...proofs.values()]).toMatchObject([{ backup: backup(1).backup, rows: 7 }])
})

test('a backup is broken when it names a marked chunk, or cannot be opened', async () => {
  await mark(backup(0))
  await mark(backup(0), 1)
  const where = manifestKey(manifestName(backup(2)))
  await store.put(where, Buffer.from('not an age file'))
  const { broken, names } = await readStanding(store, key)
  expect(names).toHaveLength(3)
  expect(broken.get(backup(0).backup)).toMatchObject({
    kind: 'damaged',
    message: expect.stringMatching(/^2 of its chunks/),
  })
  expect(broken.get(backup(2).backup)).toMatchObject({ kind: 'unreadable' })
  expect(broken.size).toBe(2)
})

test('records that cannot be read protect: a mark marks, a pin and a proof leave their backup in doubt', async () => {
  await pin(backup(0))
  await prove(backup(1), '2026-11-24T04:00:00.000Z')
  await mark(backup(2))
  for (const where of memory.objects.keys()) {
    if (/pins|proofs|damage/.test(where)) await store.put(where, Buffer.from('rubbish'))
  }
  const { doubtful, marked, broken, pins, proofs } = await readStanding(store, key)
  expect([...doubtful.keys()].sort()).toEqual([backup(0).backup, backup(1).backup].sort())
  expect([marked.size, broken.size, pins.size, proofs.size]).toEqual([1, 1, 0, 0])
})

test.each([
  ['list', /pins/],
  ['list', /manifests/],
  ['get', /manifests/],
] as const)('when the store fails (%s %s) there is no partial answer', async (on, at) => {
  await pin(backup(0))
  const effect = on === 'list' ? { failAfterItems: 1, fail: 'store-denied' } : { fail: 'store-denied' }
  store.add({ on, key: at, effect: effect as { fail: 'store-denied' }, times: Infinity })
  await expect(readStanding(store, key)).rejects.toMatchObject({ code: 'store-denied' })
})
