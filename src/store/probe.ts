// A live test of a store's physics before anything is trusted to it: what the port promises is done once, under a throw-away key.
import { randomBytes } from 'node:crypto'
import { asFailure, Failure } from '../domain/errors.js'
import { storeProbeFolder } from './keys.js'
import type { Store } from './port.js'

/**
 * Puts, reads, lists and deletes under `platform/probe-<random>/`, with and without conditions.
 * @throws Failure store-refused naming the first promise that the store breaks; store-* when it can't be used at all.
 */
export async function probeStore(store: Store, options: { signal?: AbortSignal } = {}): Promise<void> {
  const folder = storeProbeFolder(randomBytes(8).toString('hex'))
  const key = `${folder}one %2F+é`
  try {
    await probePuts(store, key, options)
    await probeListings(store, folder, key, options)
    await probeDelete(store, folder, key, options)
  } catch (thrown) {
    // The failure that is being reported matters more than a probe object that stays behind; and a store that
    // cannot be reached would only be waited for a second time.
    if (asFailure(thrown).code !== 'store-unreachable') await store.delete(key).catch(() => {})
    throw lockedProbe(thrown)
  }
}

type How = { signal?: AbortSignal }

async function probePuts(store: Store, key: string, how: How): Promise<void> {
  const first = randomBytes(1024)
  const second = randomBytes(2048)
  const { etag } = await store.put(key, first, { ...how, when: 'absent' })
  await expectBody(store, key, first, how)
  await expectConflict('keeps an object from being replaced when asked to', () =>
    store.put(key, second, { ...how, when: 'absent' }),
  )
  const replaced = await store.put(key, second, { ...how, when: { etag } })
  expect('gives a new object a new etag', replaced.etag !== etag)
  await expectConflict('refuses a put on an etag that is no longer there', () =>
    store.put(key, first, { ...how, when: { etag } }),
  )
  await expectBody(store, key, second, how)
}

async function probeListings(store: Store, folder: string, key: string, how: How): Promise<void> {
  const listed = await all(store.list(folder, how))
  expect('lists an object at once, under its very key', listed.length === 1 && listed[0]?.key === key)
  expect('lists the size of an object', listed[0]?.bytes === 2048)
  expect(
    'lists nothing after the last key',
    (await all(store.list(folder, { ...how, after: key }))).length === 0,
  )
  const folders = await all(store.folders('platform/', how))
  expect('lists folders', folders.includes(folder.slice('platform/'.length)))
}

async function probeDelete(store: Store, folder: string, key: string, how: How): Promise<void> {
  await store.delete(key, how)
  expect('deletes', (await store.head(key, how)) === null)
  expect('lists nothing of a deleted object', (await all(store.list(folder, how))).length === 0)
  await store.delete(key, how)
}

async function expectBody(store: Store, key: string, body: Uint8Array, how: How): Promise<void> {
  const found = await store.get(key, how)
  const seen = await store.head(key, how)
  expect('gives back the bytes that were put', Buffer.compare(found.body, body) === 0)
  expect('tells the size and etag of an object', seen?.bytes === body.length && seen.etag === found.etag)
}

async function expectConflict(promise: string, call: () => Promise<unknown>): Promise<void> {
  try {
    await call()
  } catch (thrown) {
    if (asFailure(thrown).code === 'store-conflict') return
    throw thrown
  }
  expect(promise, false)
}

function expect(promise: string, kept: boolean): void {
  if (kept) return
  throw new Failure('store-refused', `the store does not keep a promise that backups rest on: "${promise}"`, {
    hint: 'use another store or file system; Cloudflare R2 and a local ext4 or xfs directory keep this promise',
  })
}

function lockedProbe(thrown: unknown): unknown {
  const failure = asFailure(thrown)
  if (failure.code !== 'store-locked') return thrown
  return new Failure('store-locked', failure.message, {
    cause: thrown,
    hint: "let the bucket's lock rule cover tenants/ only: platform/ holds leases, which are rewritten all the time",
  })
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
