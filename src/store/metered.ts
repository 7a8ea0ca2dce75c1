// A store that reports every operation once it has ended: what it was, how it ended, how long it took, how many bytes.
import { asFailure } from '../domain/errors.js'
import type { OperationReport } from '../domain/store-operations.js'
import type { Clock } from '../sys/clock.js'
import { passing } from '../sys/passing.js'
import type { Store } from './port.js'

export type OnOperation = (report: OperationReport) => void

/** Wraps `store`. A listing is one operation; one that its reader leaves early is `ok`. */
export function metered(store: Store, clock: Clock, onOperation: OnOperation): Store {
  const timed = async <T>(
    operation: OperationReport['operation'],
    call: () => Promise<T>,
    bytesOf: (result: T) => number = () => 0,
  ): Promise<T> => {
    const startedTicks = clock.ticks()
    const report = (code: OperationReport['code'], bytes: number) =>
      onOperation({ operation, code, durationMs: clock.ticks() - startedTicks, bytes })
    try {
      const result = await call()
      report('ok', bytesOf(result))
      return result
    } catch (thrown) {
      report(asFailure(thrown).code, 0)
      throw thrown
    }
  }
  const { name } = store
  return {
    name,
    put: (key, body, options) =>
      timed(
        'put',
        () => store.put(key, body, options),
        () => body.length,
      ),
    get: (key, options) =>
      timed(
        'get',
        () => store.get(key, options),
        found => found.body.length,
      ),
    putStream: async (key, body, options) => {
      let bytes = 0
      const counted = passing(body, part => {
        bytes += part.length
      })
      return timed(
        'put-stream',
        () => store.putStream(key, counted, options),
        () => bytes,
      )
    },
    getRange: (key, range, options) =>
      timed(
        'get',
        () => store.getRange(key, range, options),
        found => found.body.length,
      ),
    uploads: (prefix, options) => timedListing('list', store.uploads(prefix, options), clock, onOperation),
    abortUpload: (upload, options) => timed('delete', () => store.abortUpload(upload, options)),
    head: (key, options) => timed('head', () => store.head(key, options)),
    delete: (key, options) => timed('delete', () => store.delete(key, options)),
    list: (prefix, options) => timedListing('list', store.list(prefix, options), clock, onOperation),
    folders: (prefix, options) => timedListing('folders', store.folders(prefix, options), clock, onOperation),
  }
}

async function* timedListing<T>(
  operation: 'list' | 'folders',
  listing: AsyncIterable<T>,
  clock: Clock,
  onOperation: OnOperation,
): AsyncGenerator<T> {
  const source = listing[Symbol.asyncIterator]()
  let durationMs = 0
  let code: OperationReport['code'] = 'ok'
  const next = async () => {
    const startedTicks = clock.ticks()
    try {
      return await source.next()
    } catch (thrown) {
      code = asFailure(thrown).code
      throw thrown
    } finally {
      durationMs += clock.ticks() - startedTicks
    }
  }
  try {
    for (let step = await next(); !step.done; step = await next()) yield step.value
  } finally {
    await source.return?.()
    onOperation({ operation, code, durationMs, bytes: 0 })
  }
}
