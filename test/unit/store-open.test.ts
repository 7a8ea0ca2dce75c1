// Opening a store from its configuration, and finding out whether a store keeps the promises that backups rest on.

import { describe, expect, it } from 'vitest'
import { openStore } from '../../src/store/open.js'
import type { Store } from '../../src/store/port.js'
import { probeStore } from '../../src/store/probe.js'
import { manualClock } from '../kit/clock.js'
import { failureOf } from '../kit/failing.js'
import { faultyStore } from '../kit/faulty-store.js'
import { memoryStore } from '../kit/memory-store.js'

const X = Buffer.from('x')
const FOREVER = Number.POSITIVE_INFINITY
const skipping = () => manualClock(undefined, { skipSleeps: true })
describe('probeStore', () => {
  it('finds a sound store sound, and leaves nothing behind', async () => {
    const store = memoryStore()
    await probeStore(store)
    expect(store.objects.size).toBe(0)
  })

  const lies: [string, (store: Store) => Partial<Store>, RegExp][] = [
    [
      'ignores If-None-Match',
      s => ({ put: (key, body, how) => s.put(key, body, how?.when === 'absent' ? {} : how) }),
      /replaced/,
    ],
    [
      'ignores If-Match',
      s => ({ put: (key, body, how) => s.put(key, body, typeof how?.when === 'object' ? {} : how) }),
      /no longer there/,
    ],
    [
      'stores half',
      s => ({ put: (key, body, how) => s.put(key, body.subarray(0, 500), how) }),
      /bytes that were put/,
    ],
    [
      'has one etag for all',
      s => ({ put: async (...args) => ({ ...(await s.put(...args)), etag: 'e' }) }),
      /.*/,
    ],
    ['lists late', () => ({ list: async function* () {} }), /lists an object at once/],
    ['lists no folders', () => ({ folders: async function* () {} }), /folders/],
    ['does not delete', () => ({ delete: async () => {} }), /deletes/],
  ]
  it.each(lies)('finds out a store that %s', async (_, lie, promise) => {
    const store = memoryStore()
    const failure = await failureOf(probeStore({ ...store, ...lie(store) }))
    expect(['store-refused', 'store-conflict']).toContain(failure.code)
    expect(failure.message).toMatch(promise)
  })

  it("passes a store's own failure on, and says what a bucket lock on platform/ means", async () => {
    const denied = faultyStore(memoryStore(), [
      { on: 'put', times: FOREVER, effect: { fail: 'store-denied' } },
    ])
    expect((await failureOf(probeStore(denied))).code).toBe('store-denied')
    const locked = faultyStore(memoryStore(), [
      { on: 'delete', times: FOREVER, effect: { fail: 'store-locked' } },
    ])
    expect((await failureOf(probeStore(locked))).hint).toContain('platform/')
  })
})

describe('openStore', () => {
  it('touches nothing before the first operation, and fails then', async () => {
    const clock = skipping()
    const store = openStore(
      { type: 'directory', path: '/nowhere/at/all', prefix: 'p', bandwidthBytesPerSecond: null },
      { clock },
    )
    expect(store.name).toBe('directory /nowhere/at/all, below p/')
    expect((await failureOf(store.get('x'))).code).toBe('store-missing')
  })

  it('never names a secret', () => {
    const store = openStore(
      {
        type: 's3',
        endpoint: 'https://acc.eu.r2.cloudflarestorage.com',
        bucket: 'b',
        accessKeyId: 'AKID',
        secretAccessKey: 'SECRET',
        region: 'auto',
        prefix: '',
        bandwidthBytesPerSecond: null,
      },
      { clock: skipping() },
    )
    expect(store.name).toBe('bucket b at acc.eu.r2.cloudflarestorage.com')
    expect(JSON.stringify(store)).not.toMatch(/AKID|SECRET/)
  })

  it('can open for reading only', async () => {
    const store = openStore(
      { type: 'directory', path: '/nowhere', prefix: '', bandwidthBytesPerSecond: null },
      { clock: skipping(), readOnly: true },
    )
    expect((await failureOf(store.put('x', X))).code).toBe('store-denied')
  })
})
