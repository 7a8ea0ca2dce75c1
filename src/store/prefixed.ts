// A store that lives below a prefix of another one: nothing outside the prefix can be named, listed or deleted through it.
import { checkKey, checkPrefix } from './key-law.js'
import type { Store } from './port.js'

/** Wraps `store`. `prefix` is one or more segments, with or without a `/` at its end. @throws Failure store-refused for a bad prefix. */
export function prefixed(store: Store, prefix: string, { anyKeys = false } = {}): Store {
  const top = prefix.endsWith('/') ? prefix : `${prefix}/`
  checkKey(top.slice(0, -1))
  const keyed = (key: string): string => {
    if (!anyKeys) checkKey(key)
    return top + key
  }
  return {
    name: `${store.name}, below ${top}`,
    put: async (key, body, options) => store.put(keyed(key), body, options),
    get: async (key, options) => store.get(keyed(key), options),
    head: async (key, options) => store.head(keyed(key), options),
    delete: async (key, options) => store.delete(keyed(key), options),
    putStream: async (key, body, options) => store.putStream(keyed(key), body, options),
    getRange: async (key, range, options) => store.getRange(keyed(key), range, options),
    uploads: async function* (prefix, options) {
      checkPrefix(prefix)
      for await (const one of store.uploads(top + prefix, options)) {
        yield { ...one, key: one.key.slice(top.length) }
      }
    },
    abortUpload: async (upload, options) => store.abortUpload({ ...upload, key: keyed(upload.key) }, options),
    list: async function* (prefix, options = {}) {
      checkPrefix(prefix)
      const { after } = options
      const inside = { ...options, ...(after === undefined ? {} : { after: top + after }) }
      for await (const object of store.list(top + prefix, inside)) {
        yield { ...object, key: object.key.slice(top.length) }
      }
    },
    folders: async function* (prefix, options) {
      checkPrefix(prefix)
      yield* store.folders(top + prefix, options)
    },
  }
}
