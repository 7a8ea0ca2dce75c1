// Each wrapper alone: what it adds, and that it adds nothing else.

import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/domain/errors.js'
import type { OperationReport } from '../../src/domain/store-operations.js'
import { metered } from '../../src/store/metered.js'
import type { OpenUpload, Store } from '../../src/store/port.js'
import { prefixed } from '../../src/store/prefixed.js'
import { readOnly } from '../../src/store/read-only.js'
import { retrying } from '../../src/store/retrying.js'
import { throttled } from '../../src/store/throttled.js'
import { createThrottle } from '../../src/sys/throttle.js'
import { keysOf } from '../contract/store-samples.js'
import { manualClock } from '../kit/clock.js'
import { failureOf } from '../kit/failing.js'
import { type Fault, faultyStore } from '../kit/faulty-store.js'
import { memoryStore } from '../kit/memory-store.js'

const X = Buffer.from('x')
const FOREVER = Number.POSITIVE_INFINITY
const skipping = () => manualClock(undefined, { skipSleeps: true })
describe('retrying', () => {
  const around = (...faults: Fault[]) => {
    const faulty = faultyStore(memoryStore(), faults)
    return { faulty, store: retrying(faulty, { clock: skipping() }) }
  }

  it('tries what may pass again, and what may not only once', async () => {
    const codes: [ErrorCode, number][] = [
      ['store-unreachable', 3],
      ['store-busy', 3],
      ['store-denied', 1],
      ['store-full', 1],
      ['store-locked', 1],
      ['object-missing', 1],
    ]
    for (const [code, calls] of codes) {
      const { faulty, store } = around({ on: 'head', times: 2, effect: { fail: code } })
      await store.head('x').catch(() => {})
      expect(faulty.calls.length, code).toBe(calls)
    }
  })

  it('goes on with a listing after the last key it gave', async () => {
    const { faulty, store } = around(
      { on: 'list', nth: 1, effect: { failAfterItems: 2, fail: 'store-unreachable' } },
      { on: 'list', nth: 2, effect: { failAfterItems: 0, fail: 'store-busy' } },
      { on: 'list', nth: 3, effect: { failAfterItems: 1, fail: 'store-busy' } },
    )
    for (const key of ['a', 'b', 'c', 'd', 'e']) await faulty.put(key, X)
    expect(await keysOf(store.list(''))).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(faulty.calls.filter(one => one.operation === 'list')).toHaveLength(4)
  })

  it('asks for folders again, and gives each once', async () => {
    const { faulty, store } = around({ on: 'folders', effect: { failAfterItems: 1, fail: 'store-busy' } })
    for (const key of ['a/1', 'b/1']) await faulty.put(key, X)
    const names = []
    for await (const name of store.folders('')) names.push(name)
    expect(names).toEqual(['a/', 'b/'])
  })

  it('ends when folders always fail at the same place', async () => {
    const { faulty, store } = around({
      on: 'folders',
      times: FOREVER,
      effect: { failAfterItems: 1, fail: 'store-busy' },
    })
    for (const key of ['a/1', 'b/1']) await faulty.put(key, X)
    const listing = (async () => {
      for await (const _ of store.folders(''));
    })()
    expect((await failureOf(listing)).code).toBe('store-busy')
  })

  it('looks at the bytes after a lost answer, also when looking fails at first', async () => {
    const { store } = around(
      { on: 'put', effect: { failAfter: 'store-unreachable' } },
      { on: 'get', times: 2, effect: { fail: 'store-busy' } },
    )
    const { etag } = await store.put('x', X, { when: 'absent' })
    expect((await store.head('x'))?.etag).toBe(etag)
  })

  it('does not take over bytes that differ', async () => {
    const { faulty, store } = around({ on: 'put', nth: 2, effect: { fail: 'store-unreachable' } })
    await faulty.put('x', Buffer.from('y'))
    expect((await failureOf(store.put('x', X, { when: 'absent' }))).code).toBe('store-conflict')
  })

  it('stays a conflict when what was in the way is gone by the time it is looked at', async () => {
    const { store } = around(
      { on: 'put', nth: 1, effect: { fail: 'store-unreachable' } },
      { on: 'put', nth: 2, effect: { fail: 'store-conflict' } },
    )
    expect((await failureOf(store.put('x', X, { when: 'absent' }))).code).toBe('store-conflict')
  })

  it('calls a conflict one at once, with equal bytes too, when no answer was lost', async () => {
    const { faulty, store } = around()
    await faulty.put('x', X)
    expect((await failureOf(store.put('x', X, { when: 'absent' }))).code).toBe('store-conflict')
    expect(faulty.calls.map(one => one.operation)).toEqual(['put', 'put'])
  })

  it('reads what came damaged three times in all: what is damaged in the store stays so', async () => {
    const damaged = { on: ['get', 'getRange'], effect: { fail: 'object-corrupt' } } as const
    const once = around({ ...damaged, times: 2 })
    await once.faulty.put('x', X)
    expect((await once.store.get('x')).body).toHaveLength(1)
    for (const read of ['get', 'getRange'] as const) {
      const { faulty, store } = around({ ...damaged, times: FOREVER })
      const reading = read === 'get' ? store.get('x') : store.getRange('x', { start: 0, bytes: 1 })
      expect((await failureOf(reading)).code).toBe('object-corrupt')
      expect(faulty.calls).toHaveLength(3)
    }
  })

  it('tries a stretch, an abort and a deletion again too', async () => {
    const { faulty, store } = around({
      on: ['getRange', 'abortUpload', 'delete'],
      nth: 1,
      times: 1,
      effect: { fail: 'store-busy' },
    })
    await faulty.put('x', X)
    expect((await store.getRange('x', { start: 0, bytes: 1 })).body).toHaveLength(1)
    faulty.add({ on: 'abortUpload', effect: { fail: 'store-busy' } })
    await store.abortUpload({ key: 'x', id: '1' })
    faulty.add({ on: 'delete', effect: { fail: 'store-busy' } })
    await store.delete('x')
    expect(await faulty.head('x')).toBeNull()
  })

  it('ends the listing below when its reader leaves', async () => {
    let ended = false
    const below = memoryStore()
    for (const key of ['a', 'b']) await below.put(key, X)
    const list: Store['list'] = async function* (...asked) {
      try {
        yield* below.list(...asked)
      } finally {
        ended = true
      }
    }
    for await (const _ of retrying({ ...below, list }, { clock: skipping() }).list('')) break
    expect(ended).toBe(true)
  })

  it('passes a signal on and stops at once when it fires', async () => {
    const { faulty, store } = around({ on: 'get', times: FOREVER, effect: { hang: true } })
    const controller = new AbortController()
    const ended = failureOf(store.get('x', { signal: controller.signal }))
    controller.abort()
    expect((await ended).code).toBe('interrupted')
    expect(faulty.calls).toHaveLength(1)
  })
})

describe('metered', () => {
  it('reports each operation once, with its code, bytes and time', async () => {
    const clock = skipping()
    const reports: OperationReport[] = []
    const slow = faultyStore(memoryStore(clock), [{ on: 'put', effect: { delayMs: 250 } }], clock)
    const store = metered(slow, clock, report => reports.push(report))
    await store.put('a', Buffer.alloc(10))
    const parts = [Buffer.alloc(7), Buffer.alloc(5)]
    await store.putStream('s', Readable.from(parts), { expectedBytes: 12 })
    await store.get('a')
    await store.get('b').catch(() => {})
    await store.head('a')
    await keysOf(store.list(''))
    await store.delete('a')
    slow.add({ on: 'list', effect: { failAfterItems: 0, fail: 'store-busy' } })
    await keysOf(store.list('')).catch(() => {})
    expect(reports).toEqual([
      { operation: 'put', code: 'ok', durationMs: 250, bytes: 10 },
      { operation: 'put-stream', code: 'ok', durationMs: 0, bytes: 12 },
      { operation: 'get', code: 'ok', durationMs: 0, bytes: 10 },
      { operation: 'get', code: 'object-missing', durationMs: 0, bytes: 0 },
      { operation: 'head', code: 'ok', durationMs: 0, bytes: 0 },
      { operation: 'list', code: 'ok', durationMs: 0, bytes: 0 },
      { operation: 'delete', code: 'ok', durationMs: 0, bytes: 0 },
      { operation: 'list', code: 'store-busy', durationMs: 0, bytes: 0 },
    ])
  })

  it("does not count a listing's reader, and reports one that is left early", async () => {
    const clock = skipping()
    const reports: OperationReport[] = []
    const store = metered(memoryStore(clock), clock, report => reports.push(report))
    await store.put('a', X)
    await store.put('b', X)
    for await (const _ of store.list('')) {
      await clock.sleep(1_000)
      break
    }
    expect(reports.at(-1)).toEqual({ operation: 'list', code: 'ok', durationMs: 0, bytes: 0 })
  })
})

describe('throttled', () => {
  it('holds puts and gets of several stores to one rate', async () => {
    const clock = skipping()
    const throttle = createThrottle({ bytesPerSecond: 1_000, clock })
    const [one, two] = [memoryStore(clock), memoryStore(clock)].map(store => throttled(store, throttle))
    const startedTicks = clock.ticks()
    for (let n = 0; n < 5; n++) {
      await one!.put(`${n}`, Buffer.alloc(1_000))
      await two!.put(`${n}`, Buffer.alloc(1_000))
      await one!.get(`${n}`)
    }
    // 15,000 bytes, of which a burst of 1,000 and the last piece may go unpaid.
    expect(clock.ticks() - startedTicks).toBeGreaterThanOrEqual(13_000)
    expect(clock.ticks() - startedTicks).toBeLessThanOrEqual(15_000)
    await one!.head('1')
  })

  const capped = () => {
    const clock = skipping()
    const sentAtTicks: number[] = []
    const below = memoryStore(clock)
    const noted: Store = {
      ...below,
      get: (...asked) => {
        sentAtTicks.push(clock.ticks())
        return below.get(...asked)
      },
      getRange: (...asked) => {
        sentAtTicks.push(clock.ticks())
        return below.getRange(...asked)
      },
    }
    const store = throttled(noted, createThrottle({ bytesPerSecond: 1_000, clock }))
    return { clock, store, sentAtTicks, startedTicks: clock.ticks() }
  }

  it('holds a stream and stretches to it as well', async () => {
    const { clock, store, startedTicks } = capped()
    const body = (async function* () {
      for (let n = 0; n < 5; n++) yield Buffer.alloc(1_000)
    })()
    await store.putStream('s', body, { expectedBytes: 5_000 })
    // The burst and the last piece go unpaid.
    expect(clock.ticks() - startedTicks).toBe(3_000)
    for (let n = 0; n < 5; n++) await store.getRange('s', { start: n * 1_000, bytes: 1_000 })
    expect(clock.ticks() - startedTicks).toBe(8_000)
  })

  it('asks for nothing before what went before is paid for', async () => {
    const { store, sentAtTicks, startedTicks } = capped()
    await store.put('a', Buffer.alloc(3_000))
    await store.get('a')
    await store.getRange('a', { start: 0, bytes: 1_000 })
    expect(sentAtTicks.map(one => one - startedTicks)).toEqual([2_000, 5_000])
  })
})

describe('prefixed', () => {
  it('puts everything below, and shows nothing else', async () => {
    const whole = memoryStore()
    const store = prefixed(whole, 'a/b')
    await whole.put('a/c', X)
    await whole.put('a/bc', X)
    await store.put('k/1', X)
    expect([...whole.objects.keys()].sort()).toEqual(['a/b/k/1', 'a/bc', 'a/c'])
    expect(await keysOf(store.list(''))).toEqual(['k/1'])
    expect(store.name).toBe('memory, below a/b/')
  })

  it.each(['../x', '/x', 'x/../../y', '..'])('lets nothing out of it by %s', async key => {
    const whole = memoryStore()
    await whole.put('y', X)
    const store = prefixed(whole, 'a')
    expect((await failureOf(store.delete(key))).code).toBe('store-refused')
    expect(whole.objects.size).toBe(1)
  })

  it('asks for half uploads below it only, and aborts the very one that it named', async () => {
    const [asked, aborted]: [string[], OpenUpload[]] = [[], []]
    const store = prefixed(
      {
        ...memoryStore(),
        uploads: async function* (prefix) {
          asked.push(prefix)
          yield { key: 'a/b/archives/1', id: 'x' }
        },
        abortUpload: async upload => void aborted.push(upload),
      },
      'a/b',
    )
    for await (const one of store.uploads('archives/')) {
      expect(one).toEqual({ key: 'archives/1', id: 'x' })
      await store.abortUpload(one)
    }
    expect(asked).toEqual(['a/b/archives/'])
    expect(aborted).toEqual([{ key: 'a/b/archives/1', id: 'x' }])
    expect((await failureOf(keysOf(store.uploads('../') as never))).code).toBe('store-refused')
    expect((await failureOf(store.abortUpload({ key: '../c', id: 'x' }))).code).toBe('store-refused')
    expect([asked.length, aborted.length]).toEqual([1, 1])
  })

  it('goes on after a key of its own, not of the whole', async () => {
    const store = prefixed(memoryStore(), 'm')
    for (const key of ['a', 'b', 'z']) await store.put(key, X)
    expect(await keysOf(store.list('', { after: 'a' }))).toEqual(['b', 'z'])
    expect(await keysOf(store.list('', { after: 'z' }))).toEqual([])
  })

  it.each(['', '/', 'a//b', '../a'])('is not opened on the prefix %j', prefix => {
    expect(() => prefixed(memoryStore(), prefix)).toThrow(/not a key/)
  })
})

describe('read-only', () => {
  it('reads, and sends no write', async () => {
    const faulty = faultyStore(memoryStore())
    await faulty.put('a', X)
    const store = readOnly(faulty)
    expect((await failureOf(store.put('a', X))).code).toBe('store-denied')
    expect((await failureOf(store.delete('a'))).code).toBe('store-denied')
    const stream = store.putStream('b', (async function* () {})(), { expectedBytes: 0 })
    expect((await failureOf(stream)).code).toBe('store-denied')
    expect((await failureOf(store.abortUpload({ key: 'b', id: '1' }))).code).toBe('store-denied')
    expect((await store.get('a')).body).toHaveLength(1)
    expect(faulty.calls).toHaveLength(2)
  })
})
