// The object store in trouble that passes: every operation comes through, once, whole, and in time.

import { describe, expect, it } from 'vitest'
import type { Range } from '../../src/store/port.js'
import { keysOf } from '../contract/store-samples.js'
import { failureOf } from '../kit/failing.js'
import type { HttpEffect } from '../kit/faulty-http.js'
import { refusal, troubledBucket } from '../kit/troubled-bucket.js'

const BODY = Buffer.alloc(100_000, 'body')

const bucket = troubledBucket()

describe('trouble that passes', () => {
  const passing: [string, HttpEffect][] = [
    ['429', { status: 429, body: refusal('TooManyRequests') }],
    ['500', { status: 500, body: refusal('InternalError') }],
    ['503', { status: 503, body: refusal('SlowDown') }],
    ['a gateway page', { status: 502, body: '<html>bad gateway</html>' }],
    ['a connection cut before the request arrived', { reset: 'before' }],
    ['a connection cut after the request was done', { reset: 'after' }],
    ['no answer at all', { hang: true }],
  ]
  it.each(passing)('%s: every operation comes through, and is done once', async (_, effect) => {
    const { store, reports } = bucket.open('hang' in effect ? 500 : undefined)
    const once = (call: () => Promise<unknown>) => {
      bucket.proxy.add({ times: 2, effect })
      return call()
    }
    await once(() => store.put('plain', BODY))
    await once(() => store.put('new', BODY, { when: 'absent' }))
    const { etag } = await store.get('new')
    await once(() => store.put('new', Buffer.from('second'), { when: { etag } }))
    expect(Buffer.compare(((await once(() => store.get('plain'))) as { body: Uint8Array }).body, BODY)).toBe(
      0,
    )
    expect(await once(() => store.head('plain'))).toMatchObject({ bytes: BODY.length })
    expect(await once(() => keysOf(store.list('')))).toEqual(['new', 'plain'])
    await once(() => store.delete('plain'))
    expect(await keysOf(bucket.truth.list(''))).toEqual(['new'])
    expect(Buffer.from((await bucket.truth.get('new')).body).toString()).toBe('second')
    expect(reports.filter(one => one.code !== 'ok').length).toBeGreaterThanOrEqual(14)
  })

  it('a body cut midway is read again, and never given short', async () => {
    const { store } = bucket.open()
    await bucket.truth.put('whole', BODY)
    for (const cutAt of [0, 1, BODY.length - 1]) {
      bucket.proxy.add({ method: 'GET', effect: { cutAt } })
      expect(Buffer.compare((await store.get('whole')).body, BODY)).toBe(0)
    }
  })

  it('a body damaged on its way is read again, and never given damaged', async () => {
    const { store, reports } = bucket.open()
    await bucket.truth.put('whole', BODY)
    const garble = (body: Buffer) => Buffer.concat([Buffer.from('X'), body.subarray(1)])
    bucket.proxy.add({ method: 'GET', effect: { garble } })
    expect(Buffer.compare((await store.get('whole')).body, BODY)).toBe(0)
    expect(reports.map(one => one.code)).toEqual(['object-corrupt', 'ok'])
  })

  it('a body that ends early without a word is read again', async () => {
    const { store, reports } = bucket.open()
    await bucket.truth.put('whole', BODY)
    bucket.proxy.add({ method: 'GET', effect: { garble: body => body.subarray(0, 10) } })
    expect(Buffer.compare((await store.get('whole')).body, BODY)).toBe(0)
    expect(reports.map(one => one.code)).toEqual(['object-corrupt', 'ok'])
  })

  it.each([
    ['that ends early without a word', { start: 100, bytes: 1_000 }, body => body.subarray(0, 10)],
    ['damaged on its way', { start: 0, bytes: BODY.length }, body => Buffer.from(body).fill('X', 0, 1)],
  ] as [string, Range, (body: Buffer) => Buffer][])(
    'a stretch %s is read again',
    async (_, range, garble) => {
      const { store, reports } = bucket.open()
      await bucket.truth.put('whole', BODY)
      bucket.proxy.add({ method: 'GET', effect: { garble } })
      const { body, totalBytes } = await store.getRange('whole', range)
      expect(Buffer.compare(body, BODY.subarray(range.start, range.start + range.bytes))).toBe(0)
      expect(totalBytes).toBe(BODY.length)
      expect(reports.map(one => one.code)).toEqual(['object-corrupt', 'ok'])
    },
  )

  it('a stretch that is said to be behind the end, and is not, is no empty one', async () => {
    const { store } = bucket.open()
    await bucket.truth.put('whole', BODY)
    bucket.proxy.add({ method: 'GET', effect: { status: 416, body: refusal('InvalidRange') } })
    const asked = store.getRange('whole', { start: 100, bytes: 10 })
    expect((await failureOf(asked)).code).toBe('store-conflict')
  })

  it.each([
    ['cut', { cutAt: 100 }],
    ['a page of some proxy', { garble: () => Buffer.from('<html><body>please log in</body></html>') }],
    ['empty', { garble: () => Buffer.alloc(0) }],
  ] as [string, HttpEffect][])(
    'a listing that comes as %s is asked for again, and never short',
    async (_, effect) => {
      const { store } = bucket.open()
      await bucket.truth.put('a/1', BODY)
      await bucket.truth.put('b/1', BODY)
      bucket.proxy.add({ method: 'GET', effect })
      expect(await keysOf(store.list(''))).toEqual(['a/1', 'b/1'])
    },
  )
})

describe('a conditional put whose answer is lost', () => {
  it('knows its own first success by the bytes, and does not call it a conflict', async () => {
    const { store } = bucket.open()
    bucket.proxy.add({ method: 'PUT', effect: { reset: 'after' } })
    const { etag } = await store.put('manifest', BODY, { when: 'absent' })
    expect((await bucket.truth.head('manifest'))?.etag).toBe(etag)
  })

  it('is a conflict all the same when another was there first', async () => {
    const { store } = bucket.open()
    await bucket.truth.put('manifest', Buffer.from("another's"))
    bucket.proxy.add({ method: 'PUT', effect: { reset: 'after' } })
    expect((await failureOf(store.put('manifest', BODY, { when: 'absent' }))).code).toBe('store-conflict')
    expect(Buffer.from((await bucket.truth.get('manifest')).body).toString()).toBe("another's")
  })

  it('is a conflict at once, without a look, when nothing was lost', async () => {
    const { store } = bucket.open()
    await bucket.truth.put('manifest', BODY)
    expect((await failureOf(store.put('manifest', BODY, { when: 'absent' }))).code).toBe('store-conflict')
    expect(bucket.proxy.requests).toHaveLength(1)
  })
})
