// A store that tries again what may pass: each call has a budget, and a conditional put never mistakes its own success for a conflict.
import { asFailure, type Failure } from '../domain/errors.js'
import { type RetryOptions, retry } from '../sys/retry.js'
import type { ListOptions, PutOptions, Store, StoredObject } from './port.js'

/** A body damaged on its way comes whole the next time; one damaged in the store does not, so this often is enough. */
const DAMAGED_TRIES = 3

type Rules = Omit<RetryOptions, 'signal' | 'worth'>

/**
 * Wraps `store` so that each operation (each step of a listing) is retried by `rules`.
 * @param how does the retrying; another one than the plain one where a person waits.
 */
export function retrying(store: Store, rules: Rules, how: typeof retry = retry): Store {
  const again = <T>(call: () => Promise<T>, signal?: AbortSignal) =>
    how(call, { ...rules, ...(signal ? { signal } : {}), worth: worthAgain })
  return {
    name: store.name,
    put: (key, body, options = {}) => {
      const attempt = putOnce(store, { key, body, options })
      return again(attempt, options.signal)
    },
    get: (key, options = {}) => again(() => store.get(key, options), options.signal),
    head: (key, options = {}) => again(() => store.head(key, options), options.signal),
    delete: (key, options = {}) => again(() => store.delete(key, options), options.signal),
    // Its parts are tried again by the driver; the stream itself is gone with the first attempt.
    putStream: (key, body, options) => store.putStream(key, body, options),
    getRange: (key, range, options = {}) => again(() => store.getRange(key, range, options), options.signal),
    uploads: (prefix, options = {}) => collectedAgain(() => store.uploads(prefix, options), again, options),
    abortUpload: (upload, options = {}) => again(() => store.abortUpload(upload, options), options.signal),
    list: (prefix, options = {}) => listAgain(store, prefix, options, again),
    folders: (prefix, options = {}) => collectedAgain(() => store.folders(prefix, options), again, options),
  }
}

const worthAgain = (failure: Failure, attempt: number): boolean =>
  failure.retryable || (failure.code === 'object-corrupt' && attempt < DAMAGED_TRIES)

/**
 * One attempt of a put. After an attempt whose outcome is unknown (no answer, or a gateway's), a conflict may be our own
 * first success: then the object's bytes tell. Conditional puts stay conditional, so trying before looking destroys nothing.
 */
function putOnce(
  store: Store,
  { key, body, options }: { key: string; body: Uint8Array; options: PutOptions },
): () => Promise<{ etag: string }> {
  let outcomeUnknown = false
  return async () => {
    try {
      return await store.put(key, body, options)
    } catch (thrown) {
      const failure = asFailure(thrown)
      if (failure.code === 'store-conflict' && outcomeUnknown) {
        const etag = await etagIfEqual(store, key, body, options.signal)
        if (etag !== null) return { etag }
      }
      if (failure.retryable) outcomeUnknown = true
      throw failure
    }
  }
}

async function etagIfEqual(
  store: Store,
  key: string,
  body: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  try {
    const found = await store.get(key, signal ? { signal } : {})
    return Buffer.compare(found.body, body) === 0 ? found.etag : null
  } catch (thrown) {
    if (asFailure(thrown).code === 'object-missing') return null
    throw thrown
  }
}

type Again = <T>(call: () => Promise<T>, signal?: AbortSignal) => Promise<T>

/**
 * A listing that fails midway goes on after the last key it gave. Each step has the whole budget, and each success is a new key,
 * so a listing that only ever fails ends.
 */
async function* listAgain(
  store: Store,
  prefix: string,
  options: ListOptions,
  again: Again,
): AsyncGenerator<StoredObject> {
  let last = options.after
  let source: AsyncIterator<StoredObject> | null = null
  const step = async () => {
    source ??= store
      .list(prefix, last === undefined ? options : { ...options, after: last })
      [Symbol.asyncIterator]()
    try {
      return await source.next()
    } catch (thrown) {
      source = null
      throw thrown
    }
  }
  try {
    for (;;) {
      const next = await again(step, options.signal)
      if (next.done) return
      last = next.value.key
      yield next.value
    }
  } finally {
    await (source as AsyncIterator<StoredObject> | null)?.return?.()
  }
}

/** Folders and uploads have no place to resume from: they are few, and collected before the first is given. */
async function* collectedAgain<T>(
  open: () => AsyncIterable<T>,
  again: Again,
  { signal }: { signal?: AbortSignal },
): AsyncGenerator<T> {
  const collect = async () => {
    const found: T[] = []
    for await (const one of open()) found.push(one)
    return found
  }
  yield* await again(collect, signal)
}
