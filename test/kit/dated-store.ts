// A store whose objects are dated by the test's clock: for directories, whose files carry the machine's own time.
import type { Store } from '../../src/store/port.js'
import type { Clock } from '../../src/sys/clock.js'

/** Wraps `store`; an object that was not put through it keeps its own date. */
export function datedStore(store: Store, clock: Clock): Store {
  const dates = new Map<string, Date>()
  return {
    ...store,
    put: async (key, body, options) => {
      const done = await store.put(key, body, options)
      dates.set(key, clock.now())
      return done
    },
    head: async (key, options) => {
      const found = await store.head(key, options)
      return found && { ...found, modifiedAt: dates.get(key) ?? found.modifiedAt }
    },
    list: async function* (prefix, options) {
      for await (const found of store.list(prefix, options)) {
        yield { ...found, modifiedAt: dates.get(found.key) ?? found.modifiedAt }
      }
    },
    delete: async (key, options) => {
      await store.delete(key, options)
      dates.delete(key)
    },
  }
}
