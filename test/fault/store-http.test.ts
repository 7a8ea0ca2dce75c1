// The object store in trouble that passes: every operation comes through, once, whole, and in time.
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

const _FOREVER = Number.POSITIVE_INFINITY
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

/** Without a limit of its own, an answer may take the time that a busy machine needs. */
function troubled(idleMs = 60_000): {
  store: Store
  clock: ManualClock
  reports: OperationReport[]
  retries: Retried[]
} {
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
      timeouts: { connectMs: 60_000, idleMs, totalMs: 90_000 },
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

describe('trouble that passes', () => {
  const passing: [string, HttpEffect][] = [
    ['429', { status: 429, body: xml('TooManyRequests') }],
    ['500', { status: 500, body: xml('InternalError') }],
    ['503', { status: 503, body: xml('SlowDown') }],
    ['a gateway page', { status: 502, body: '<html>bad gateway</html>' }],
    ['a connection cut before the request arrived', { reset: 'before' }],
    ['a connection cut after the request was done', { reset: 'after' }],
    ['no answer at all', { hang: true }],
  ]
  it.each(passing)('%s: every operation comes through, and is done once', async (_, effect) => {
    const { store, reports } = troubled('hang' in effect ? 500 : undefined)
    const once = (call: () => Promise<unknown>) => {
      proxy.add({ times: 2, effect })
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
    expect(await once(() => keysIn(store))).toEqual(['new', 'plain'])
    await once(() => store.delete('plain'))
    expect(await keysIn(truth)).toEqual(['new'])
    expect(Buffer.from((await truth.get('new')).body).toString()).toBe('second')
    expect(reports.filter(one => one.code !== 'ok').length).toBeGreaterThanOrEqual(14)
  })

  it('a body cut midway is read again, and never given short', async () => {
    const { store } = troubled()
    await truth.put('whole', BODY)
    for (const cutAt of [0, 1, BODY.length - 1]) {
      proxy.add({ method: 'GET', effect: { cutAt } })
      expect(Buffer.compare((await store.get('whole')).body, BODY)).toBe(0)
    }
  })

  it('a body damaged on its way is read again, and never given damaged', async () => {
    const { store, reports } = troubled()
    await truth.put('whole', BODY)
    const garble = (body: Buffer) => Buffer.concat([Buffer.from('X'), body.subarray(1)])
    proxy.add({ method: 'GET', effect: { garble } })
    expect(Buffer.compare((await store.get('whole')).body, BODY)).toBe(0)
    expect(reports.map(one => one.code)).toEqual(['object-corrupt', 'ok'])
  })

  it('a body that ends early without a word is read again', async () => {
    const { store, reports } = troubled()
    await truth.put('whole', BODY)
    proxy.add({ method: 'GET', effect: { garble: body => body.subarray(0, 10) } })
    expect(Buffer.compare((await store.get('whole')).body, BODY)).toBe(0)
    expect(reports.map(one => one.code)).toEqual(['object-corrupt', 'ok'])
  })

  it.each([
    ['cut', { cutAt: 100 }],
    ['a page of some proxy', { garble: () => Buffer.from('<html><body>please log in</body></html>') }],
    ['empty', { garble: () => Buffer.alloc(0) }],
  ] as [string, HttpEffect][])(
    'a listing that comes as %s is asked for again, and never short',
    async (_, effect) => {
      const { store } = troubled()
      await truth.put('a/1', BODY)
      await truth.put('b/1', BODY)
      proxy.add({ method: 'GET', effect })
      expect(await keysIn(store)).toEqual(['a/1', 'b/1'])
    },
  )
})

describe('a conditional put whose answer is lost', () => {
  it('knows its own first success by the bytes, and does not call it a conflict', async () => {
    const { store } = troubled()
    proxy.add({ method: 'PUT', effect: { reset: 'after' } })
    const { etag } = await store.put('manifest', BODY, { when: 'absent' })
    expect((await truth.head('manifest'))?.etag).toBe(etag)
  })

  it('is a conflict all the same when another was there first', async () => {
    const { store } = troubled()
    await truth.put('manifest', Buffer.from("another's"))
    proxy.add({ method: 'PUT', effect: { reset: 'after' } })
    expect((await failureOf(store.put('manifest', BODY, { when: 'absent' }))).code).toBe('store-conflict')
    expect(Buffer.from((await truth.get('manifest')).body).toString()).toBe("another's")
  })

  it('is a conflict at once, without a look, when nothing was lost', async () => {
    const { store } = troubled()
    await truth.put('manifest', BODY)
    expect((await failureOf(store.put('manifest', BODY, { when: 'absent' }))).code).toBe('store-conflict')
    expect(proxy.requests).toHaveLength(1)
  })
})
