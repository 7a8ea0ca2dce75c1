// Files of the application that are made as they are listed and read.
import type { Store } from '../../src/store/port.js'
import { memoryStore } from './memory-store.js'

/** A store that has `count` of them below whatever prefix is asked for. @param name of each one, below the prefix. */
export function madeUpFiles(count: number, name: (n: number) => string): Store {
  const modifiedAt = new Date('2026-01-01T00:00:00Z')
  const content = (key: string) => Buffer.from(`content of ${key}\n`)
  const body = (key: string) => ({ body: content(key), modifiedAt, version: 'v' })
  return {
    ...memoryStore(),
    list: async function* (prefix) {
      for (let n = 0; n < count; n++) {
        const key = `${prefix}${name(n)}`
        yield { key, bytes: content(key).length, modifiedAt, version: 'v' }
      }
    },
    getRange: async key => ({ ...body(key), totalBytes: content(key).length }),
  }
}
