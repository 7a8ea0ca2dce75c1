// The object store in trouble that lasts, and operations that are called off: what is said, how soon, and what is left.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { asFailure, type Failure } from '../../src/domain/errors.js'
import type { OperationReport } from '../../src/store/metered.js'
import { openStore } from '../../src/store/open.js'
import type { Store } from '../../src/store/port.js'
import { s3Store } from '../../src/store/s3.js'
import type { Retried } from '../../src/sys/retry.js'
import { type ManualClock, manualClock } from '../kit/clock.js'
import { type FaultyHttp, faultyHttp, type HttpEffect } from '../kit/faulty-http.js'
import { type R2, startR2 } from '../kit/r2.js'

const FOREVER = Number.POSITIVE_INFINITY
const BODY = Buffer.alloc(100_000, 'body')

let r2: R2
let proxy: FaultyHttp
/** The bucket without the trouble. */
let truth: Store

beforeAll(async () => {
  r2 = await startR2()
  proxy = await faultyHttp(r2.endpoint)
  truth = s3Store(r2)
})
afterEach(async () => {
  proxy.heal()
  proxy.requests.length = 0
  for await (const one of truth.list('')) await truth.delete(one.key)
})
afterAll(async () => {
  await proxy.stop()
  await r2.stop()
})

function troubled(): { store: Store; clock: ManualClock; reports: OperationReport[]; retries: Retried[] } {
  const clock = manualClock(undefined, { skipSleeps: true })
  const reports: OperationReport[] = []
  const retries: Retried[] = []
  const store = openStore(
    {
      type: 's3',
      region: 'auto',
      prefix: '',
      bandwidthBytesPerSecond: null,
      ...r2,
      endpoint: proxy.endpoint,
    },
    {
      clock,
      onOperation: report => reports.push(report),
      onRetry: retried => retries.push(retried),
      // An answer may take the time that a busy machine needs.
      timeouts: { connectMs: 60_000, idleMs: 60_000, totalMs: 90_000 },
    },
  )
  return { store, clock, reports, retries }
}

const failureOf = (call: Promise<unknown>): Promise<Failure> =>
  call.then(() => {
    throw new Error('it should have failed')
  }, asFailure)

async function keysIn(store: Store): Promise<string[]> {
  const keys = []
  for await (const one of store.list('')) keys.push(one.key)
  return keys
}

const xml = (code: string) => `<?xml version="1.0"?><Error><Code>${code}</Code><Message>m</Message></Error>`

describe('trouble that stays', () => {
  it('a storm of 429: backs off, and gives up within its budget as store-busy', async () => {
    const { store, clock, retries } = troubled()
    proxy.add({ times: FOREVER, effect: { status: 429, body: xml('TooManyRequests') } })
    const startedTicks = clock.ticks()
    const failure = await failureOf(store.put('x', BODY))
    expect(failure.code).toBe('store-busy')
    expect(failure.message).toMatch(/^cannot put x \(given up after \d+ attempts in [\d.]+ s\)$/)
    expect(clock.ticks() - startedTicks).toBeLessThanOrEqual(120_000)
    expect(clock.ticks() - startedTicks).toBeGreaterThan(90_000)
    expect(proxy.requests.length).toBe(retries.length + 1)
    expect(proxy.requests.length).toBeLessThan(30)
    for (const { attempt, waitMs } of retries) {
      const fullMs = Math.min(15_000, 200 * 2 ** (attempt - 1))
      expect(waitMs).toBeGreaterThanOrEqual(fullMs / 2)
      expect(waitMs).toBeLessThanOrEqual(fullMs)
    }
    expect(await keysIn(truth)).toEqual([])
  })

  it.each([
    ['full', { status: 507, body: xml('InsufficientStorage') }, 'store-full', 'free space'],
    ['lacking something', { status: 501, body: xml('NotImplemented') }, 'store-refused', 'R2'],
    ['denied', { status: 403, body: xml('AccessDenied') }, 'store-denied', 'token'],
    ['locked', { status: 403, body: xml('ObjectLockedByBucketPolicy') }, 'store-locked', 'lock'],
  ] as [string, HttpEffect, string, string][])(
    '%s: said at once, with a hint, and nothing is tried again',
    async (_, effect, code, hint) => {
      const { store } = troubled()
      proxy.add({ times: FOREVER, effect })
      const failure = await failureOf(store.put('x', BODY))
      expect(failure.code).toBe(code)
      expect(failure.hint).toContain(hint)
      expect(proxy.requests).toHaveLength(1)
      expect(await keysIn(truth)).toEqual([])
    },
  )

  it('down: store-unreachable, with the socket error as its cause', async () => {
    const gone = await faultyHttp(r2.endpoint)
    await gone.stop()
    const store = s3Store({ ...r2, endpoint: gone.endpoint })
    const failure = await failureOf(store.get('x'))
    expect(failure.code).toBe('store-unreachable')
    expect(failure.facts).toMatchObject({ status: 0, s3Code: 'ECONNREFUSED' })
  })

  it('silent for ever: each attempt ends by its timeout, the whole by its budget', async () => {
    proxy.add({ times: FOREVER, effect: { hang: true } })
    const store = s3Store({ ...r2, endpoint: proxy.endpoint, timeouts: { idleMs: 100, totalMs: 2_000 } })
    expect((await failureOf(store.put('x', BODY))).code).toBe('store-unreachable')
    const slow = s3Store({ ...r2, endpoint: proxy.endpoint, timeouts: { idleMs: 60_000, totalMs: 200 } })
    const failure = await failureOf(slow.put('x', BODY))
    expect(failure.code).toBe('store-unreachable')
    expect(failure.message).toContain('not done within 0.2 s')
  })

  it('slow but alive: waited for', async () => {
    proxy.add({ times: FOREVER, effect: { delayMs: 300 } })
    const store = s3Store({ ...r2, endpoint: proxy.endpoint, timeouts: { idleMs: 30_000, totalMs: 60_000 } })
    await store.put('x', BODY)
    expect(await keysIn(truth)).toEqual(['x'])
  })

  it('an object damaged in the store itself: said to be corrupt after a few readings', async () => {
    const { store } = troubled()
    await truth.put('x', BODY)
    proxy.add({ method: 'GET', times: FOREVER, effect: { garble: body => Buffer.alloc(body.length) } })
    expect((await failureOf(store.get('x'))).code).toBe('object-corrupt')
    expect(proxy.requests).toHaveLength(3)
  })

  it('a listing that is always cut ends in a failure, never short', async () => {
    const { store } = troubled()
    await truth.put('a', BODY)
    proxy.add({ method: 'GET', times: FOREVER, effect: { cutAt: 60 } })
    expect((await failureOf(keysIn(store))).code).toBe('store-unreachable')
  })
})

describe('an abort', () => {
  it.each(['put', 'get', 'list'] as const)(
    'ends a %s that hangs, at once and without another try',
    async kind => {
      const { store } = troubled()
      proxy.add({ times: FOREVER, effect: { hang: true } })
      const controller = new AbortController()
      const { signal } = controller
      const calls = {
        put: () => store.put('x', BODY, { signal }),
        get: () => store.get('x', { signal }),
        list: async () => {
          for await (const _ of store.list('', { signal }));
        },
      }
      const ended = failureOf(calls[kind]())
      while (proxy.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
      controller.abort()
      expect((await ended).code).toBe('interrupted')
      expect(proxy.requests).toHaveLength(1)
    },
  )

  it('ends a body that stalls midway', async () => {
    await truth.put('x', BODY)
    const store = s3Store({ ...r2, endpoint: proxy.endpoint })
    const controller = new AbortController()
    proxy.add({ effect: { delayMs: 100 } })
    const ended = failureOf(store.get('x', { signal: controller.signal }))
    controller.abort()
    expect((await ended).code).toBe('interrupted')
  })
})
