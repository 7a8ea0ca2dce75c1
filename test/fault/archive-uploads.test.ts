// An archive's upload cut at each of its requests, on R2: it is tried again and whole, or nothing of it is left.
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseArchiveName } from '../../src/domain/archive-name.js'
import { hashObject } from '../../src/repository/archive-write.js'
import { archiveIndexKey, archiveKey } from '../../src/store/keys.js'
import { s3Store } from '../../src/store/s3.js'
import { archiveBytes, entriesOf, placeOf } from '../kit/archives.js'
import { until } from '../kit/clock.js'
import { type FaultyHttp, faultyHttp, type HttpEffect } from '../kit/faulty-http.js'
import { memoryStore } from '../kit/memory-store.js'
import { type R2, startR2 } from '../kit/r2.js'
import { ACME, never, type TestRepository, testRepository } from '../kit/repository.js'

const MIB = 1024 * 1024
const NAME = parseArchiveName('2026-12')
const KEY = archiveKey(ACME, NAME)

let r2: R2
let proxy: FaultyHttp
let repository: TestRepository
const files = memoryStore()

beforeAll(async () => {
  r2 = await startR2()
  proxy = await faultyHttp(r2.endpoint)
  // Two parts: one of 8 MiB, and the rest.
  await files.put(`${ACME}/documents/noise`, randomBytes(9 * MIB))
  repository = testRepository(s3Store({ ...r2, endpoint: proxy.endpoint }))
})

afterEach(async () => {
  proxy.heal()
  const store = s3Store(r2)
  const keys: string[] = []
  for await (const { key } of store.list(`${ACME}/`)) keys.push(key)
  for (const key of keys) await store.delete(key)
})

afterAll(async () => {
  await repository.close()
  await proxy.stop()
  await r2.stop()
})

/** Upload ids the store gave out, and those that were completed or aborted. */
function uploadsLeft(): string[] {
  const idOf = (url: string) => new URL(url, 'http://x').searchParams.get('uploadId')
  const ids = (method: string) =>
    new Set(proxy.requests.filter(one => one.method === method).flatMap(one => idOf(one.url) ?? []))
  const [parts, completed, aborted] = [ids('PUT'), ids('POST'), ids('DELETE')]
  return [...parts].filter(id => !completed.has(id) && !aborted.has(id))
}

const visible = async () => (await s3Store(r2).head(KEY)) !== null

const REQUESTS: [string, { method: string; path: RegExp }][] = [
  ['the beginning', { method: 'POST', path: /\?uploads/ }],
  ['part 1', { method: 'PUT', path: /partNumber=1&/ }],
  ['the last part', { method: 'PUT', path: /partNumber=2&/ }],
  ['the completion', { method: 'POST', path: /uploadId=/ }],
]
const PASSING: [string, HttpEffect][] = [
  ['cut before', { reset: 'before' }],
  ['cut after', { reset: 'after' }],
]

describe.each(REQUESTS)('%s', (_, request) => {
  it.each(PASSING)('%s is tried again, and what is stored is what was sent', async (_, effect) => {
    proxy.requests.length = 0
    proxy.add({ ...request, effect })
    const index = await archiveBytes(repository, files)
    const stored = await hashObject(s3Store(r2), KEY, never)
    expect(stored).toEqual(index.archive)
    expect(uploadsLeft()).toEqual([])
  })

  it('refused for good leaves nothing, not even half an upload', async () => {
    proxy.requests.length = 0
    proxy.add({ ...request, times: Number.POSITIVE_INFINITY, effect: { status: 403 } })
    const failure = await archiveBytes(repository, files).catch(thrown => thrown)
    expect([failure.code, await visible()]).toEqual(['store-denied', false])
    proxy.heal()
    const refused = proxy.requests.filter(one => one.method === 'DELETE' && /uploadId=/.test(one.url))
    expect(refused).toHaveLength(request.path.source.includes('uploads') ? 0 : 1)
  })
})

describe('what is small enough for one request', () => {
  const small = memoryStore()
  /** The archive is asked for twice: this store says first that it has no class for archives. */
  const OBJECTS: [string, RegExp, string, number][] = [
    ['an archive', /2026-12\.tar\.zst\.age/, KEY, 2],
    ['its index', /2026-12\.json\.age/, archiveIndexKey(ACME, NAME), 1],
  ]

  it.each(OBJECTS)('%s whose answer is lost is known as our own', async (_, path, _key, nth) => {
    proxy.requests.length = 0
    proxy.add({ method: 'PUT', path, nth, effect: { reset: 'after' } })
    const index = await archiveBytes(repository, small)
    expect(await hashObject(s3Store(r2), KEY, never)).toEqual(index.archive)
    expect(await entriesOf(placeOf(repository))).toHaveLength(index.members)
    const puts = proxy.requests.filter(one => one.method === 'PUT' && path.test(one.url))
    expect(puts).toHaveLength(nth + 1)
  })

  it.each(OBJECTS)(
    '%s of another process, stored meanwhile, is not taken for it',
    async (_, path, key, nth) => {
      const first = () => s3Store(r2).put(key, Buffer.from('of another'))
      proxy.add({ method: 'PUT', path, nth, effect: { reset: 'before' } })
      proxy.add({ method: 'PUT', path, nth: nth + 1, effect: { first } })
      expect((await archiveBytes(repository, small).catch(thrown => thrown)).code).toBe('store-conflict')
      expect((await s3Store(r2).get(key)).body.toString()).toBe('of another')
    },
  )
})

describe('the whole', () => {
  it.each([429, 500, 503])('answered %i now and then is whole', async status => {
    proxy.add({ path: /partNumber=2&/, times: 2, effect: { status } })
    proxy.add({ method: 'POST', times: 1, effect: { status } })
    const index = await archiveBytes(repository, files)
    expect(await hashObject(s3Store(r2), KEY, never)).toEqual(index.archive)
  })

  it('interrupted in the middle of a part leaves nothing', async () => {
    proxy.requests.length = 0
    const controller = new AbortController()
    proxy.add({ method: 'PUT', path: /partNumber=2&/, effect: { hang: true } })
    const made = archiveBytes(repository, files, { signal: controller.signal })
    made.catch(() => {})
    await until(() => proxy.requests.some(one => /partNumber=2&/.test(one.url)))
    controller.abort()
    expect((await made.catch(thrown => thrown)).code).toBe('interrupted')
    expect([await visible(), uploadsLeft()]).toEqual([false, []])
  })

  it('is not replaced by another that began before it was there', async () => {
    const other = Buffer.from('the archive of another process')
    proxy.add({
      method: 'PUT',
      path: /partNumber=2&/,
      effect: { first: () => s3Store(r2).put(KEY, other) },
    })
    await archiveBytes(repository, files).then(
      () => expect.unreachable(),
      thrown => expect(thrown.code).toBe('store-conflict'),
    )
    const { body } = await s3Store(r2).get(KEY)
    expect(createHash('sha256').update(body).digest('hex')).toBe(
      createHash('sha256').update(other).digest('hex'),
    )
  })
})
