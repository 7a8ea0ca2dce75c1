// A store whose bodies, both ways, share one bandwidth cap. A put waits before it is sent; a get pays after, for the next one.
import type { Throttle } from '../sys/throttle.js'
import type { Store } from './port.js'

/** Wraps `store`; give several stores the same throttle and they share the cap. Each body goes at full speed: the average is capped. */
export function throttled(store: Store, throttle: Throttle): Store {
  return {
    ...store,
    put: async (key, body, options) => {
      await throttle.take(body.length, options?.signal)
      return store.put(key, body, options)
    },
    get: async (key, options) => {
      await throttle.take(0, options?.signal)
      const found = await store.get(key, options)
      await throttle.take(found.body.length, options?.signal)
      return found
    },
    putStream: (key, body, options) => store.putStream(key, paid(body, throttle, options.signal), options),
    getRange: async (key, range, options) => {
      await throttle.take(0, options?.signal)
      const found = await store.getRange(key, range, options)
      await throttle.take(found.body.length, options?.signal)
      return found
    },
  }
}

async function* paid(
  body: AsyncIterable<Uint8Array>,
  throttle: Throttle,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const part of body) {
    await throttle.take(part.length, signal)
    yield part
  }
}
