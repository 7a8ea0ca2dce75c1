// The object store in trouble that lasts, and operations that are called off: what is said, how soon, and what is left.

import { describe, expect, it } from 'vitest'
import { s3Store } from '../../src/store/s3.js'
import { keysOf } from '../contract/store-samples.js'
import { failureOf } from '../kit/failing.js'
import { faultyHttp, type HttpEffect } from '../kit/faulty-http.js'
import { refusal, troubledBucket } from '../kit/troubled-bucket.js'

const FOREVER = Number.POSITIVE_INFINITY
const BODY = Buffer.alloc(100_000, 'body')

const bucket = troubledBucket()

describe('trouble that stays', () => {
  it('a storm of 429: backs off, and gives up within its budget as store-busy', async () => {
    const { store, clock, retries } = bucket.open()
    bucket.proxy.add({ times: FOREVER, effect: { status: 429, body: refusal('TooManyRequests') } })
    const startedTicks = clock.ticks()
    const failure = await failureOf(store.put('x', BODY))
    expect(failure.code).toBe('store-busy')
    expect(failure.message).toMatch(/^cannot put x \(given up after \d+ attempts in [\d.]+ s\)$/)
    expect(clock.ticks() - startedTicks).toBeLessThanOrEqual(120_000)
    expect(clock.ticks() - startedTicks).toBeGreaterThan(90_000)
    expect(bucket.proxy.requests.length).toBe(retries.length + 1)
    expect(bucket.proxy.requests.length).toBeLessThan(30)
    for (const { attempt, waitMs } of retries) {
      const fullMs = Math.min(15_000, 200 * 2 ** (attempt - 1))
      expect(waitMs).toBeGreaterThanOrEqual(fullMs / 2)
      expect(waitMs).toBeLessThanOrEqual(fullMs)
    }
    expect(await keysOf(bucket.truth.list(''))).toEqual([])
  })

  it.each([
    ['full', { status: 507, body: refusal('InsufficientStorage') }, 'store-full', 'free space'],
    ['lacking something', { status: 501, body: refusal('NotImplemented') }, 'store-refused', 'R2'],
    ['denied', { status: 403, body: refusal('AccessDenied') }, 'store-denied', 'token'],
    ['locked', { status: 403, body: refusal('ObjectLockedByBucketPolicy') }, 'store-locked', 'lock'],
  ] as [string, HttpEffect, string, string][])(
    '%s: said at once, with a hint, and nothing is tried again',
    async (_, effect, code, hint) => {
      const { store } = bucket.open()
      bucket.proxy.add({ times: FOREVER, effect })
      const failure = await failureOf(store.put('x', BODY))
      expect(failure.code).toBe(code)
      expect(failure.hint).toContain(hint)
      expect(bucket.proxy.requests).toHaveLength(1)
      expect(await keysOf(bucket.truth.list(''))).toEqual([])
    },
  )

  it('down: store-unreachable, with the socket error as its cause', async () => {
    const gone = await faultyHttp(bucket.r2.endpoint)
    await gone.stop()
    const store = s3Store({ ...bucket.r2, endpoint: gone.endpoint })
    const failure = await failureOf(store.get('x'))
    expect(failure.code).toBe('store-unreachable')
    expect(failure.facts).toMatchObject({ status: 0, s3Code: 'ECONNREFUSED' })
  })

  it('silent for ever: each attempt ends by its timeout, the whole by its budget', async () => {
    bucket.proxy.add({ times: FOREVER, effect: { hang: true } })
    const store = s3Store({
      ...bucket.r2,
      endpoint: bucket.proxy.endpoint,
      timeouts: { idleMs: 100, totalMs: 2_000 },
    })
    expect((await failureOf(store.put('x', BODY))).code).toBe('store-unreachable')
    const slow = s3Store({
      ...bucket.r2,
      endpoint: bucket.proxy.endpoint,
      timeouts: { idleMs: 60_000, totalMs: 200 },
    })
    const failure = await failureOf(slow.put('x', BODY))
    expect(failure.code).toBe('store-unreachable')
    expect(failure.message).toContain('not done within 0.2 s')
  })

  it('slow but alive: waited for', async () => {
    bucket.proxy.add({ times: FOREVER, effect: { delayMs: 300 } })
    const store = s3Store({
      ...bucket.r2,
      endpoint: bucket.proxy.endpoint,
      timeouts: { idleMs: 30_000, totalMs: 60_000 },
    })
    await store.put('x', BODY)
    expect(await keysOf(bucket.truth.list(''))).toEqual(['x'])
  })

  it('an object damaged in the store itself: said to be corrupt after a few readings', async () => {
    const { store } = bucket.open()
    await bucket.truth.put('x', BODY)
    bucket.proxy.add({ method: 'GET', times: FOREVER, effect: { garble: body => Buffer.alloc(body.length) } })
    expect((await failureOf(store.get('x'))).code).toBe('object-corrupt')
    expect(bucket.proxy.requests).toHaveLength(3)
  })

  it('a listing that is always cut ends in a failure, never short', async () => {
    const { store } = bucket.open()
    await bucket.truth.put('a', BODY)
    bucket.proxy.add({ method: 'GET', times: FOREVER, effect: { cutAt: 60 } })
    expect((await failureOf(keysOf(store.list('')))).code).toBe('store-unreachable')
  })
})

describe('an abort', () => {
  it.each(['put', 'get', 'list'] as const)(
    'ends a %s that hangs, at once and without another try',
    async kind => {
      const { store } = bucket.open()
      bucket.proxy.add({ times: FOREVER, effect: { hang: true } })
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
      while (bucket.proxy.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
      controller.abort()
      expect((await ended).code).toBe('interrupted')
      expect(bucket.proxy.requests).toHaveLength(1)
    },
  )

  it('ends a body that stalls midway', async () => {
    await bucket.truth.put('x', BODY)
    const store = s3Store({ ...bucket.r2, endpoint: bucket.proxy.endpoint })
    const controller = new AbortController()
    bucket.proxy.add({ effect: { delayMs: 100 } })
    const ended = failureOf(store.get('x', { signal: controller.signal }))
    controller.abort()
    expect((await ended).code).toBe('interrupted')
  })
})
