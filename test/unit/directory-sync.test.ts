// When a directory store puts folders on disk: each put that is to last at once, and those for later before the next such one.
import { existsSync, mkdtempSync, readlinkSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { asFailure } from '../../src/domain/errors.js'
import { directoryStore } from '../../src/store/directory.js'
import type { Store } from '../../src/store/port.js'
import { systemClock } from '../../src/sys/clock.js'
import { until } from '../kit/clock.js'

const MANIFEST = 'manifests/one'
const body = Buffer.from('content')
const later = { durable: 'later' } as const

let folder: string
let store: Store
/** Folders of objects that were synced, in order; `!` when the manifest was there already. */
let synced: string[]
/** All that was synced, private files as `part` with their length, and what was in the store by then. */
let everySync: string[]
let beforeSync: (path: string) => Promise<void>

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gmah-sync-'))
  store = openStore()
  await store.put('manifests/zero', body)
  synced = []
  everySync = []
  beforeSync = async () => {}
  const handle = await open(folder)
  const prototype: FileHandle = Object.getPrototypeOf(handle)
  await handle.close()
  const { sync } = prototype
  vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    const path = relative(folder, readlinkSync(`/proc/self/fd/${this.fd}`))
    await beforeSync(path)
    const what = path.endsWith('.part') ? `part of ${(await this.stat()).size}` : path
    everySync.push(`${what}, ${existsSync(at('new/one')) ? 'with' : 'without'} new/one`)
    if (/^(chunks\/.*|manifests)$/.test(path)) synced.push(`${path}${existsSync(at(MANIFEST)) ? '!' : ''}`)
    return sync.call(this)
  })
})

afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

const openStore = () => directoryStore({ path: folder, clock: systemClock })
const at = (key: string) => join(folder, key)
const outcome = (put: Promise<unknown>) =>
  put.then(
    () => 'stored',
    thrown => asFailure(thrown).code,
  )

it('a put for now is on disk when it resolves', async () => {
  await store.put('chunks/aa/1', body)
  expect(synced).toEqual(['chunks/aa'])
})

it.each([{}, later, { when: 'absent' } as const])(
  'what is put (%o) is on disk before it has its name',
  async how => {
    await store.put('new/one', body, how)
    const inFolder = how === later ? [] : ['new, with new/one']
    // The content, and the entry of the new folder in the one above it.
    expect(everySync).toEqual([`part of ${body.length}, without new/one`, ', without new/one', ...inFolder])
    everySync = []
    await store.put('new/one/more', body, how).catch(() => {})
    await store.put('new/two', body, how)
    expect(everySync.filter(one => one.startsWith(', '))).toEqual([])
  },
)

it('a stream is on disk, all of it, before it has its name', async () => {
  const parts = async function* () {
    yield body
    yield body
  }
  await store.putStream('new/one', parts(), { expectedBytes: 0 })
  expect(everySync[0]).toBe(`part of ${2 * body.length}, without new/one`)
})

it('a folder that other hands took away is made again', async () => {
  await store.put('chunks/aa/1', body)
  await openStore().delete('chunks/aa/1')
  expect(existsSync(at('chunks'))).toBe(false)
  await store.put('chunks/aa/2', body)
  expect((await store.get('chunks/aa/2')).body).toHaveLength(body.length)
})

it('puts for later are on disk before the next one has its name, each folder once', async () => {
  for (const key of ['chunks/aa/1', 'chunks/bb/2', 'chunks/aa/3']) await store.put(key, body, later)
  expect(synced).toEqual([])
  await store.put(MANIFEST, body, { when: 'absent' })
  expect(synced.slice(0, 2).sort()).toEqual(['chunks/aa', 'chunks/bb'])
  expect(synced.slice(2)).toEqual(['manifests!'])
  synced = []
  await store.put('manifests/two', body)
  expect(synced).toEqual(['manifests!'])
})

it('when a folder cannot be synced, nothing that may name what is in it is put; the next try syncs it', async () => {
  await store.put('chunks/aa/1', body, later)
  beforeSync = async path => {
    if (path === 'chunks/aa') throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' })
  }
  expect(await outcome(store.put(MANIFEST, body))).toBe('store-unreachable')
  expect(existsSync(at(MANIFEST))).toBe(false)
  beforeSync = async () => {}
  expect(await outcome(store.put(MANIFEST, body))).toBe('stored')
  expect(synced).toEqual(['chunks/aa', 'manifests!'])
})

it('what is told names the folder and says where to look; every put waits for it, and all go on once it can be synced', async () => {
  await store.put('chunks/aa/1', body, later)
  beforeSync = async path => {
    if (path === 'chunks/aa') throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' })
  }
  const words = `cannot sync the folder ${at('chunks/aa')}; nothing is put before that is done`
  for (const key of [MANIFEST, 'proofs/one', MANIFEST]) {
    const thrown = await store.put(key, body).catch(asFailure)
    expect(thrown).toMatchObject({ code: 'store-unreachable', retryable: true, message: words })
    expect(thrown).toMatchObject({ hint: expect.stringContaining('the kernel log') })
    expect(existsSync(at(key))).toBe(false)
  }
  // Nothing names what is put for later: that goes on.
  expect(await outcome(store.put('chunks/bb/2', body, later))).toBe('stored')
  beforeSync = async () => {}
  for (const key of [MANIFEST, 'proofs/one']) expect(await outcome(store.put(key, body))).toBe('stored')
  expect(synced.slice(0, 2).sort()).toEqual(['chunks/aa', 'chunks/bb'])
})

it('a put waits for the sync that another one has begun', async () => {
  await store.put('chunks/aa/1', body, later)
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  let waiting = false
  beforeSync = path => {
    if (path !== 'chunks/aa') return Promise.resolve()
    waiting = true
    return held
  }
  const puts = [store.put(MANIFEST, body), store.put('manifests/two', body)]
  await until(() => waiting)
  await store.put('chunks/bb/2', body, later)
  expect(['one', 'two'].filter(name => existsSync(at(`manifests/${name}`)))).toEqual([])
  release()
  await Promise.all(puts)
  expect(synced[0]).toBe('chunks/aa')
})

it('what a killed writer has put and a listing finds is synced too, while it is young', async () => {
  await openStore().put('chunks/aa/1', body, later)
  await openStore().put('chunks/bb/2', body, later)
  utimesSync(at('chunks/bb/2'), new Date(), new Date(Date.now() - 3_600_000))
  const found: string[] = []
  for await (const { key } of store.list('chunks/', { toBeNamed: true })) found.push(key)
  expect(found).toEqual(['chunks/aa/1', 'chunks/bb/2'])
  await store.put(MANIFEST, body)
  expect(synced).toEqual(['chunks/aa', 'manifests!'])
})

it('a name that broke off before it was synced is synced by the try that finds it there', async () => {
  beforeSync = async path => {
    if (path === 'manifests')
      throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
  }
  expect(await outcome(store.put(MANIFEST, body, { when: 'absent' }))).toBe('store-busy')
  beforeSync = async () => {}
  synced = []
  expect(await outcome(store.put(MANIFEST, body, { when: 'absent' }))).toBe('store-conflict')
  expect(synced).toEqual(['manifests!'])
})

it('nothing is deleted before what may replace it is on disk', async () => {
  await store.put('chunks/aa/1', body, later)
  await store.delete('manifests/zero')
  expect(synced).toEqual(['chunks/aa'])
})

it('a stray name among young objects is listed as before', async () => {
  await store.put('chunks/aa/1', body)
  writeFileSync(at('chunks/aa/stray\nname'), body)
  const found: string[] = []
  for await (const { key } of store.list('chunks/', { toBeNamed: true })) found.push(key)
  expect(found).toEqual(['chunks/aa/1', 'chunks/aa/stray\nname'])
})
