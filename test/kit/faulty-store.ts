// A store that fails on command. Faults are data: which operation, on which keys, at which time, and what then.
import { type ErrorCode, Failure } from '../../src/domain/errors.js'
import type { Store } from '../../src/store/port.js'
import { type Clock, systemClock } from '../../src/sys/clock.js'
import { interruption } from '../../src/sys/interruption.js'

export type Operation =
  | 'put'
  | 'putStream'
  | 'abortUpload'
  | 'getRange'
  | 'get'
  | 'head'
  | 'list'
  | 'folders'
  | 'delete'

export type Effect =
  /** Fails, and nothing was done. */
  | { fail: ErrorCode; hint?: string }
  /** Does it, then fails as if the answer had been lost. */
  | { failAfter: ErrorCode }
  /** A listing that fails after so many items. */
  | { failAfterItems: number; fail: ErrorCode }
  /** Slow: does it after the pause. */
  | { delayMs: number }
  /** Only the first `cutAt` bytes of the body are stored (put) or given back (get), without a word. */
  | { cutAt: number }
  /** One bit of the body is wrong, as stored (put) or given back (get), without a word. */
  | { flipBitAt: number }
  /** Never ends but by the caller's signal. */
  | { hang: true }

export interface Fault {
  on: Operation | readonly Operation[]
  /** Keys or prefixes it applies to; all when left out. */
  key?: RegExp
  /** The first matching call it applies to, from 1 (the default). */
  nth?: number
  /** How many matching calls from there; 1 unless told otherwise, Infinity for ever. */
  times?: number
  effect: Effect
}

export interface FaultyStore extends Store {
  /** Every call made, in order. */
  readonly calls: { operation: Operation; key: string }[]
  /** Adds a fault; its count starts now. */
  add(fault: Fault): void
  /** Takes all faults away: the store is well again. */
  heal(): void
}

/** Wraps `store`. The first fault that applies to a call decides; all that match it count it. */
export function faultyStore(
  store: Store,
  faults: readonly Fault[] = [],
  clock: Clock = systemClock,
): FaultyStore {
  let active = faults.map(fault => ({ fault, seen: 0 }))
  const calls: { operation: Operation; key: string }[] = []
  const meet = (operation: Operation, key: string): Effect | null => {
    calls.push({ operation, key })
    const hit = active.filter(one => matches(one.fault, operation, key))
    for (const one of hit) one.seen++
    return hit.find(one => applies(one.fault, one.seen))?.fault.effect ?? null
  }
  const around = async <T>(
    operation: Operation,
    key: string,
    signal: AbortSignal | undefined,
    call: (effect: Effect | null) => Promise<T>,
  ): Promise<T> => {
    const effect = meet(operation, key)
    await before(effect, key, clock, signal)
    const result = await call(effect)
    if (effect && 'failAfter' in effect) throw new Failure(effect.failAfter, `lost the answer about ${key}`)
    return result
  }
  async function* listing<T>(
    operation: 'list' | 'folders',
    prefix: string,
    signal: AbortSignal | undefined,
    items: AsyncIterable<T>,
  ): AsyncGenerator<T> {
    const effect = meet(operation, prefix)
    if (!(effect && 'failAfterItems' in effect)) await before(effect, prefix, clock, signal)
    let given = 0
    for await (const item of items) {
      if (effect && 'failAfterItems' in effect && given === effect.failAfterItems) break
      given++
      yield item
    }
    if (effect && 'failAfterItems' in effect) throw new Failure(effect.fail, `lost the listing of ${prefix}`)
    if (effect && 'failAfter' in effect) throw new Failure(effect.failAfter, `lost the listing of ${prefix}`)
  }
  return {
    name: `faulty ${store.name}`,
    calls,
    add: fault => void active.push({ fault, seen: 0 }),
    heal: () => {
      active = []
    },
    put: (key, body, how) =>
      around('put', key, how?.signal, effect => store.put(key, damaged(body, effect), how)),
    get: (key, how) =>
      around('get', key, how?.signal, async effect => {
        const found = await store.get(key, how)
        return { ...found, body: damaged(found.body, effect) }
      }),
    putStream: (key, body, how) =>
      around('putStream', key, how.signal, effect => store.putStream(key, damagedStream(body, effect), how)),
    getRange: (key, range, how) =>
      around('getRange', key, how?.signal, async effect => {
        const found = await store.getRange(key, range, how)
        return { ...found, body: damaged(found.body, effect) }
      }),
    uploads: (prefix, how) => store.uploads(prefix, how),
    abortUpload: (upload, how) =>
      around('abortUpload', upload.key, how?.signal, () => store.abortUpload(upload, how)),
    head: (key, how) => around('head', key, how?.signal, () => store.head(key, how)),
    delete: (key, how) => around('delete', key, how?.signal, () => store.delete(key, how)),
    list: (prefix, how) => listing('list', prefix, how?.signal, store.list(prefix, how)),
    folders: (prefix, how) => listing('folders', prefix, how?.signal, store.folders(prefix, how)),
  }
}

function matches(fault: Fault, operation: Operation, key: string): boolean {
  return [fault.on].flat().includes(operation) && (fault.key?.test(key) ?? true)
}

function applies({ nth = 1, times = 1 }: Fault, seen: number): boolean {
  return seen >= nth && seen < nth + times
}

async function before(
  effect: Effect | null,
  key: string,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!effect) return
  if ('fail' in effect) {
    const hint = 'hint' in effect ? effect.hint : undefined
    throw new Failure(effect.fail, `a fault on ${key}`, hint ? { hint } : {})
  }
  if ('delayMs' in effect) await clock.sleep(effect.delayMs, signal)
  if ('hang' in effect) await untilAborted(signal)
}

function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(interruption(signal))
    else signal?.addEventListener('abort', () => reject(interruption(signal)), { once: true })
  })
}

async function* damagedStream(
  body: AsyncIterable<Uint8Array>,
  effect: Effect | null,
): AsyncGenerator<Uint8Array> {
  if (!effect || !('flipBitAt' in effect)) return yield* body
  let at = effect.flipBitAt
  for await (const part of body) {
    yield at >= 0 && at < part.length * 8 ? damaged(part, { flipBitAt: at }) : part
    at -= part.length * 8
  }
}

function damaged(body: Uint8Array, effect: Effect | null): Uint8Array {
  if (effect && 'cutAt' in effect) return body.subarray(0, effect.cutAt)
  if (!(effect && 'flipBitAt' in effect)) return body
  const copy = Buffer.from(body)
  const at = Math.floor(effect.flipBitAt / 8)
  if (at < copy.length) copy.writeUInt8(copy.readUInt8(at) ^ (1 << (effect.flipBitAt % 8)), at)
  return copy
}
