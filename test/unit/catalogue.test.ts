// The catalogue: a cache that the store alone brings back, and that goes on past what cannot be used.
import { afterAll, beforeEach, expect, it } from 'vitest'
import type { BackupId } from '../../src/domain/ids.js'
import type { Manifest } from '../../src/domain/manifest.js'
import type { Catalogue } from '../../src/repository/catalogue.js'
import { manifestName } from '../../src/repository/manifests.js'
import { manifestKey, tenantKeyKey } from '../../src/store/keys.js'
import { faultyStore } from '../kit/faulty-store.js'
import { type MemoryStore, memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import { ACME, backUp, GLOBEX, testRepository } from '../kit/repository.js'
import { openCatalogue as open } from '../kit/state.js'

const repository = testRepository(memoryStore())
let store: MemoryStore
let catalogue: Catalogue
let made: Manifest[]

const where = (manifest: Manifest): string => manifestKey(manifestName(manifest))

beforeEach(async () => {
  store = memoryStore()
  repository.store = store
  catalogue = open()
  made = [
    await backUp(repository, ACME, noise(60_000, 1), '2026-11-21T02:00:00.000Z'),
    await backUp(repository, ACME, noise(60_000, 1), '2026-11-22T02:00:00.000Z'),
    await backUp(repository, GLOBEX, noise(30_000, 2), '2026-11-22T02:00:01.000Z'),
  ]
})

afterAll(() => repository.close())

it('from an empty disk it is what it was when the nights recorded it', async () => {
  for (const manifest of made) catalogue.record(manifest)
  const other = open()
  const report = await other.refresh(repository, { from: 'nothing' })
  expect(report).toEqual({ subjects: 2, backups: 3, added: 3, gone: [], problems: [] })
  expect(other.list()).toEqual(catalogue.list())
  expect(other.list().map(one => one.id)).toEqual([made[2], made[1], made[0]].map(one => one!.backup))
  expect(other.newest().map(one => one.id)).toEqual([made[1]!.backup, made[2]!.backup])
  expect(other.list({ subject: ACME, limit: 1 })[0]).toMatchObject({
    manifest: where(made[1]!),
    bytes: 60_000,
    newBytes: 0,
    reusedBytes: 60_000 - 64,
  })
})

it('asks only for what it has not seen, and forgets what is gone', async () => {
  for (const manifest of made) catalogue.record(manifest)
  const counting = faultyStore(store)
  repository.store = counting
  expect(await catalogue.refresh(repository, { from: 'cache' })).toMatchObject({ added: 0, gone: [] })
  expect(counting.calls.filter(one => one.operation === 'get')).toEqual([])
  await store.delete(where(made[0]!))
  for (const name of [...store.objects.keys()].filter(one => one.includes('globex'))) await store.delete(name)
  expect(await catalogue.refresh(repository, { from: 'cache' })).toMatchObject({
    subjects: 1,
    gone: [made[0]!, made[2]!].map(({ backup, subject }) => ({ id: backup, subject })),
  })
  expect(catalogue.list().map(one => one.id)).toEqual([made[1]!.backup])
})

it('keeps one that was stored after the listing', async () => {
  for (const manifest of made) catalogue.record(manifest)
  const plain = repository.store
  const late = where(made[1]!)
  repository.store = {
    ...plain,
    list: async function* (prefix, options) {
      for await (const one of plain.list(prefix, options)) if (one.key !== late) yield one
    },
  }
  expect(await catalogue.refresh(repository, { from: 'cache' })).toMatchObject({ backups: 3, gone: [] })
  await plain.delete(late)
  const { gone } = await catalogue.refresh(repository, { from: 'cache' })
  expect(gone.map(one => one.id)).toEqual([made[1]!.backup])
})

it('tells what is gone before it forgets it, and before anything else can fail', async () => {
  for (const manifest of made) catalogue.record(manifest)
  await store.delete(where(made[0]!))
  const gone: unknown[] = []
  const onGone = (...told: unknown[]) => void gone.push(told)
  const troubled = faultyStore(store, [
    { on: 'list', key: /globex.*manifests/, effect: { fail: 'store-unreachable' } },
  ])
  repository.store = troubled
  const refused = catalogue.refresh(repository, {
    from: 'cache',
    onGone: () => {
      throw new Error('there is no room to keep it')
    },
  })
  await expect(refused).rejects.toThrow('no room')
  expect(catalogue.list({ subject: ACME })).toHaveLength(2)
  await expect(catalogue.refresh(repository, { from: 'cache', onGone })).rejects.toMatchObject({
    code: 'store-unreachable',
  })
  expect(gone).toMatchObject([[ACME, [{ id: made[0]!.backup }]]])
  expect(catalogue.list({ subject: ACME })).toHaveLength(1)
})

it('reports what cannot be used by its name, and goes on with the rest', async () => {
  await store.put(where(made[1]!), Buffer.from('nonsense'))
  const report = await catalogue.refresh(repository, { from: 'nothing' })
  expect(report).toMatchObject({ subjects: 2, backups: 2 })
  expect(report.problems).toEqual([
    {
      key: where(made[1]!),
      code: 'object-corrupt',
      message: `the manifest ${where(made[1]!)} cannot be used`,
    },
  ])
  await store.put(tenantKeyKey(ACME), Buffer.from('nonsense'))
  const again = await catalogue.refresh(repository, { from: 'nothing' })
  expect(again.problems.map(one => [one.key, one.code])).toEqual([[ACME, 'object-corrupt']])
  expect(catalogue.list().map(one => one.subject)).toEqual([GLOBEX])
})

it('keeps what it knew while the store is away', async () => {
  for (const manifest of made) catalogue.record(manifest)
  for (const on of ['folders', 'list', 'head'] as const) {
    repository.store = faultyStore(store, [{ on, effect: { fail: 'store-unreachable' } }])
    await expect(catalogue.refresh(repository, { from: 'nothing' })).rejects.toMatchObject({
      code: 'store-unreachable',
    })
    expect(catalogue.list()).toHaveLength(3)
  }
})

it('passes over a broken backup for the newest, until nothing is said of it any more', async () => {
  for (const manifest of made) catalogue.record(manifest)
  const newest = () => catalogue.newest().map(one => one.id)
  const [first, second, globex] = made.map(one => one.backup) as [BackupId, BackupId, BackupId]
  catalogue.noteBroken(ACME, new Map([[second, 'why']]))
  catalogue.noteBroken(GLOBEX, new Map())
  expect(newest()).toEqual([first, globex])
  expect(catalogue.newestAtAll().map(one => one.id)).toEqual([second, globex])
  await catalogue.refresh(repository, { from: 'cache' })
  expect(newest()).toEqual([second, globex])
})

it('finds a backup by the beginning of its id', () => {
  for (const manifest of made) catalogue.record(manifest)
  const { backup } = made[1]!
  expect(catalogue.find(backup).manifest).toBe(where(made[1]!))
  expect(catalogue.find(backup.slice(0, 8)).id).toBe(backup)
  for (const wrong of ['abc', '%', `${backup}0`, 'XYZ1'])
    expect(() => catalogue.find(wrong)).toThrow(expect.objectContaining({ code: 'usage' }))
  const other = backup.startsWith('0') ? '1111' : '0000'
  catalogue.record({ ...made[1]!, backup: `${backup.slice(0, 4)}${other}0000` as never })
  expect(() => catalogue.find(backup.slice(0, 4))).toThrow(expect.objectContaining({ code: 'usage' }))
})
