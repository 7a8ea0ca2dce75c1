// The store port in memory: the smallest thing that passes the contract suite, for tests that are about something else.
import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { Failure } from '../../src/domain/errors.js'
import { byUtf8, checkKey, checkPrefix } from '../../src/store/key-law.js'
import type { Store } from '../../src/store/port.js'
import { type Clock, systemClock } from '../../src/sys/clock.js'
import { throwIfInterrupted } from '../../src/sys/interruption.js'

interface Kept {
  body: Buffer
  etag: string
  modifiedAt: Date
}

export interface MemoryStore extends Store {
  /** What is in it, for tests to look at and to damage. */
  readonly objects: Map<string, Kept>
}

/** An empty store. `modifiedAt` is told by `clock`. */
export function memoryStore(clock: Clock = systemClock, { anyKeys = false } = {}): MemoryStore {
  const objects = new Map<string, Kept>()
  const begin = async (key: string, signal?: AbortSignal) => {
    if (!anyKeys) checkKey(key)
    throwIfInterrupted(signal)
    await turn()
    throwIfInterrupted(signal)
  }
  const sorted = (prefix: string, after = '') =>
    [...objects.keys()]
      .filter(key => key.startsWith(prefix) && (after === '' || byUtf8(key, after) > 0))
      .sort(byUtf8)
  return {
    objects,
    name: 'memory',
    put: async (key, body, { when, signal } = {}) => {
      await begin(key, signal)
      const known = objects.get(key)
      const holds = when === undefined || (when === 'absent' ? !known : known?.etag === when.etag)
      if (!holds) throw new Failure('store-conflict', `the object ${key} is not as it should be`)
      const etag = createHash('md5').update(body).digest('hex')
      objects.set(key, { body: Buffer.from(body), etag, modifiedAt: clock.now() })
      return { etag }
    },
    get: async (key, { signal } = {}) => {
      await begin(key, signal)
      const known = objects.get(key)
      if (!known) throw new Failure('object-missing', `there is no object ${key}`)
      return { body: Buffer.from(known.body), etag: known.etag }
    },
    putStream: async (key, body, { signal }) => {
      await begin(key, signal)
      const parts: Uint8Array[] = []
      for await (const part of body) {
        throwIfInterrupted(signal)
        parts.push(Buffer.from(part))
      }
      throwIfInterrupted(signal)
      if (objects.has(key)) throw new Failure('store-conflict', `the object ${key} exists already`)
      const whole = Buffer.concat(parts)
      const etag = createHash('md5').update(whole).digest('hex')
      objects.set(key, { body: whole, etag, modifiedAt: clock.now() })
      return { etag }
    },
    getRange: async (key, { start, bytes }, { version, signal } = {}) => {
      await begin(key, signal)
      const known = objects.get(key)
      if (!known) throw new Failure('object-missing', `there is no object ${key}`)
      const { body, etag, modifiedAt } = known
      if (version !== undefined && version !== etag)
        throw new Failure('store-conflict', `the object ${key} is another one`)
      const piece = Buffer.from(body.subarray(start, start + bytes))
      return { body: piece, totalBytes: body.length, version: etag, modifiedAt }
    },
    uploads: async function* (prefix) {
      checkPrefix(prefix)
      yield* []
    },
    abortUpload: async () => {},
    head: async (key, { signal } = {}) => {
      await begin(key, signal)
      const known = objects.get(key)
      return known ? { bytes: known.body.length, etag: known.etag, modifiedAt: known.modifiedAt } : null
    },
    list: async function* (prefix, { after, signal } = {}) {
      checkPrefix(prefix)
      for (const key of sorted(prefix, after)) {
        throwIfInterrupted(signal)
        const known = objects.get(key)
        if (known) yield { key, bytes: known.body.length, modifiedAt: known.modifiedAt, version: known.etag }
      }
    },
    folders: async function* (prefix, { signal } = {}) {
      checkPrefix(prefix)
      throwIfInterrupted(signal)
      const names = sorted(prefix)
        .map(key => key.slice(prefix.length).split('/'))
        .filter(segments => segments.length > 1)
      for (const name of new Set(names.map(segments => `${segments[0]}/`))) yield name
    },
    delete: async (key, { signal } = {}) => {
      await begin(key, signal)
      objects.delete(key)
    },
  }
}
