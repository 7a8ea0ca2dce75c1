// What every store promises (src/store/port.ts), as one suite that each driver and each wrapper must pass.
import { randomBytes } from 'node:crypto'
import PQueue from 'p-queue'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asFailure, type ErrorCode, Failure } from '../../src/domain/errors.js'
import { byUtf8 } from '../../src/store/key-law.js'
import type { Store } from '../../src/store/port.js'

export interface Subject {
  store: Store
  close(): Promise<void>
}

/** The code that `call` fails with; fails the test when it succeeds. */
export async function codeOf(call: Promise<unknown>): Promise<ErrorCode> {
  const failure = await call.then(
    () => null,
    thrown => asFailure(thrown),
  )
  expect(failure, 'it should have failed').not.toBeNull()
  return failure!.code
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

export const keysOf = async (items: AsyncIterable<{ key: string }>): Promise<string[]> =>
  (await all(items)).map(one => one.key)

const bytes = (text: string): Buffer => Buffer.from(text)

/** Every name a tenant's key may meet, and some more; in no order. */
export const ODD_NAMES = [
  'plain',
  'with space',
  'plus+plus',
  '%2F',
  '%25',
  '100%',
  'a&b=c?d#e',
  'quote\'"',
  '\\back',
  'é-composed',
  'é-decomposed',
  '%C3%A9',
  '漢字',
  '～fullwidth',
  '\u{1f600}',
  '~tilde',
  'UPPER',
  'upper',
  '..dots',
  '.hidden',
  'trailing.',
  'star*',
  '<angle>',
  '%E6%BC%A2'.repeat(21),
]

const BAD_KEYS = [
  ['nothing', ''],
  ['only a slash', '/'],
  ['a slash first', '/a'],
  ['a slash last', 'a/'],
  ['an empty segment', 'a//b'],
  ['a dot', '.'],
  ['a segment that is a dot', 'a/./b'],
  ['two dots', '..'],
  ['two dots first', '../a'],
  ['two dots midway', 'a/../b'],
  ['two dots last', 'a/..'],
  ['a line break', 'line\nbreak'],
  ['a zero byte', 'nul\0'],
  ['half a surrogate pair', 'half\ud800'],
  ['the private place', '.tmp-gmah-backup/x'],
  ['1025 bytes', `${'xyz/'.repeat(256)}x`],
  ['a segment of 256 bytes', `a/${'x'.repeat(256)}`],
] as const

/** Declares the suite. `manyKeys` is how many objects the paging test stores; each test works below a folder of its own. */
export function storeContract(
  name: string,
  open: () => Promise<Subject>,
  { manyKeys }: { manyKeys: number },
): void {
  describe(`the store contract: ${name}`, () => {
    let subject: Subject
    let store: Store
    const folder = () => `contract-${randomBytes(6).toString('hex')}/`
    beforeAll(async () => {
      subject = await open()
      store = subject.store
    })
    afterAll(async () => {
      for await (const one of store.list('contract-')) await store.delete(one.key)
      await subject.close()
    })

    it('has a name', () => expect(store.name).not.toBe(''))

    it('gives back what was put, with the same etag from put, get and head', async () => {
      const key = `${folder()}a/b/c`
      const body = randomBytes(1000)
      const put = await store.put(key, body)
      const got = await store.get(key)
      const head = await store.head(key)
      expect(Buffer.from(got.body).equals(body)).toBe(true)
      expect(got.etag).toBe(put.etag)
      expect(head).toMatchObject({ etag: put.etag, bytes: 1000 })
      expect(Math.abs(Date.now() - head!.modifiedAt.getTime())).toBeLessThan(3_600_000)
    })

    it.each([
      ['empty', 0],
      ['one byte', 1],
      ['8 MiB', 8 * 1024 * 1024],
    ])('takes a body that is %s', async (_, size) => {
      const key = `${folder()}body`
      const body = randomBytes(size)
      const { etag } = await store.put(key, body)
      expect(Buffer.compare((await store.get(key)).body, body)).toBe(0)
      expect(await store.head(key)).toMatchObject({ bytes: size, etag })
      expect((await all(store.list(key))).map(one => one.bytes)).toEqual([size])
    })

    it('takes a view into a larger buffer', async () => {
      const key = `${folder()}view`
      await store.put(key, new Uint8Array(bytes('0123456789')).subarray(2, 5))
      expect(Buffer.from((await store.get(key)).body).toString()).toBe('234')
    })

    it('replaces, and gives another etag for other bytes', async () => {
      const key = `${folder()}same`
      const first = await store.put(key, bytes('first'))
      const second = await store.put(key, bytes('second'))
      expect(second.etag).not.toBe(first.etag)
      expect(Buffer.from((await store.get(key)).body).toString()).toBe('second')
      expect((await store.put(key, bytes('second'))).etag).toBe((await store.head(key))?.etag)
    })

    it('says that an object is missing: get fails, head is null, delete succeeds', async () => {
      const key = `${folder()}nothing/here`
      expect(await codeOf(store.get(key))).toBe('object-missing')
      expect(await store.head(key)).toBeNull()
      await store.delete(key)
    })

    it('deletes, once and again, and nothing else', async () => {
      const top = folder()
      await store.put(`${top}a/1`, bytes('1'))
      await store.put(`${top}a/12`, bytes('12'))
      await store.delete(`${top}a/1`)
      await store.delete(`${top}a/1`)
      await store.delete(`${top}a`)
      expect(await codeOf(store.get(`${top}a/1`))).toBe('object-missing')
      expect(await keysOf(store.list(top))).toEqual([`${top}a/12`])
      await store.put(`${top}a/1`, bytes('again'))
      expect(await keysOf(store.list(top))).toEqual([`${top}a/1`, `${top}a/12`])
    })

    it('keeps odd names apart, each under its very own, in the order of their bytes', async () => {
      const top = folder()
      for (const one of ODD_NAMES) await store.put(`${top}${one}/${one}`, bytes(one))
      const expected = ODD_NAMES.map(one => `${top}${one}/${one}`).sort((a, b) =>
        Buffer.compare(bytes(a), bytes(b)),
      )
      expect(await keysOf(store.list(top))).toEqual(expected)
      expect(await all(store.folders(top))).toEqual(
        ODD_NAMES.map(one => `${one}/`).sort((a, b) => Buffer.compare(bytes(a), bytes(b))),
      )
      for (const one of ODD_NAMES) {
        expect(Buffer.from((await store.get(`${top}${one}/${one}`)).body).toString()).toBe(one)
        expect(await keysOf(store.list(`${top}${one}/`))).toEqual([`${top}${one}/${one}`])
      }
    })

    it('lists in the order of whole keys, not of segments', async () => {
      const top = folder()
      const names = ['a', 'a!', 'a!/x', 'a-b', 'a.b', 'a0/x', 'a/x'].filter(
        one => one !== 'a' && one !== 'a!',
      )
      for (const one of names) await store.put(top + one, bytes(one))
      const expected = names.map(one => top + one).sort(byUtf8)
      expect(await keysOf(store.list(top))).toEqual(expected)
    })

    it('lists by any prefix, not only by whole segments', async () => {
      const top = folder()
      for (const one of ['ab/1', 'ab/2', 'abc/1', 'ac/1', 'b']) await store.put(top + one, bytes(one))
      const listed = async (prefix: string) =>
        (await keysOf(store.list(top + prefix))).map(key => key.slice(top.length))
      expect(await listed('ab')).toEqual(['ab/1', 'ab/2', 'abc/1'])
      expect(await listed('ab/')).toEqual(['ab/1', 'ab/2'])
      expect(await listed('ab/1')).toEqual(['ab/1'])
      expect(await listed('b')).toEqual(['b'])
      expect(await listed('none/at/all')).toEqual([])
      expect(await listed('')).toEqual(['ab/1', 'ab/2', 'abc/1', 'ac/1', 'b'])
    })

    it('lists what comes after a key', async () => {
      const top = folder()
      for (const one of ['a/1', 'a/2', 'b', 'c/1']) await store.put(top + one, bytes(one))
      const listedAfter = async (key: string) =>
        (await keysOf(store.list(top, { after: top + key }))).map(one => one.slice(top.length))
      expect(await listedAfter('a')).toEqual(['a/1', 'a/2', 'b', 'c/1'])
      expect(await listedAfter('a/1')).toEqual(['a/2', 'b', 'c/1'])
      expect(await listedAfter('a/15')).toEqual(['a/2', 'b', 'c/1'])
      expect(await listedAfter('a0')).toEqual(['b', 'c/1'])
      expect(await listedAfter('c/1')).toEqual([])
    })

    it('names folders that hold something, at one level, and no others', async () => {
      const top = folder()
      for (const one of ['b/x/y', 'b/z', 'a/1', 'file']) await store.put(top + one, bytes(one))
      expect(await all(store.folders(top))).toEqual(['a/', 'b/'])
      expect(await all(store.folders(`${top}b/`))).toEqual(['x/'])
      expect(await all(store.folders(`${top}none/`))).toEqual([])
      await store.delete(`${top}a/1`)
      expect(await all(store.folders(top))).toEqual(['b/'])
    })

    it(`lists ${manyKeys} objects, all of them, in order, and every folder`, async () => {
      const top = folder()
      const keys = Array.from({ length: manyKeys }, (_, n) => `${top}${(n * 7919) % 1201}/${n}`)
      const queue = new PQueue({ concurrency: 32 })
      await queue.addAll(keys.map(key => () => store.put(key, bytes('x'))))
      expect(await keysOf(store.list(top))).toEqual([...keys].sort(byUtf8))
      const folders = new Set(keys.map(key => `${key.slice(top.length).split('/')[0]}/`))
      expect(await all(store.folders(top))).toEqual([...folders].sort(byUtf8))
      await queue.addAll(keys.map(key => () => store.delete(key)))
      expect(await keysOf(store.list(top))).toEqual([])
    })

    it('can be left in the middle of a listing', async () => {
      const top = folder()
      for (const one of ['1', '2', '3']) await store.put(top + one, bytes(one))
      for await (const one of store.list(top)) {
        expect(one.key).toBe(`${top}1`)
        break
      }
    })

    it('puts when absent, and never a second time', async () => {
      const key = `${folder()}once`
      await store.put(key, bytes('first'), { when: 'absent' })
      expect(await codeOf(store.put(key, bytes('second'), { when: 'absent' }))).toBe('store-conflict')
      expect(Buffer.from((await store.get(key)).body).toString()).toBe('first')
      await store.delete(key)
      await store.put(key, bytes('third'), { when: 'absent' })
    })

    it('puts on an etag, once, and never on an object that is gone', async () => {
      const key = `${folder()}versioned`
      const first = await store.put(key, bytes('first'))
      const second = await store.put(key, bytes('second'), { when: first })
      expect(await codeOf(store.put(key, bytes('third'), { when: first }))).toBe('store-conflict')
      expect((await store.get(key)).etag).toBe(second.etag)
      await store.delete(key)
      expect(await codeOf(store.put(key, bytes('fourth'), { when: second }))).toBe('store-conflict')
      expect(await store.head(key)).toBeNull()
    })

    it('lets exactly one of 20 win a race for an absent key', async () => {
      const key = `${folder()}race`
      const racers = Array.from({ length: 20 }, (_, n) => n)
      const ends = await Promise.allSettled(
        racers.map(n => store.put(key, bytes(`racer ${n}`), { when: 'absent' })),
      )
      const winners = racers.filter(n => ends[n]?.status === 'fulfilled')
      expect(winners).toHaveLength(1)
      expect(Buffer.from((await store.get(key)).body).toString()).toBe(`racer ${winners[0]}`)
      for (const end of ends) if (end.status === 'rejected') expect(end.reason.code).toBe('store-conflict')
    })

    it('lets exactly one of 20 win a race for an etag', async () => {
      const key = `${folder()}race`
      const start = await store.put(key, bytes('start'))
      const racers = Array.from({ length: 20 }, (_, n) => n)
      const ends = await Promise.allSettled(
        racers.map(n => store.put(key, bytes(`racer ${n}`), { when: start })),
      )
      const winners = racers.filter(n => ends[n]?.status === 'fulfilled')
      expect(winners).toHaveLength(1)
      expect(Buffer.from((await store.get(key)).body).toString()).toBe(`racer ${winners[0]}`)
      for (const end of ends) if (end.status === 'rejected') expect(end.reason.code).toBe('store-conflict')
    })

    it('serves 32 at once, each whole, while others delete beside them', async () => {
      const top = folder()
      const work = Array.from({ length: 96 }, (_, n) => async () => {
        const key = `${top}${n % 8}/${n}`
        const body = randomBytes(20_000 + n)
        await store.put(key, body)
        expect(Buffer.compare((await store.get(key)).body, body)).toBe(0)
        if (n % 2) await store.delete(key)
      })
      await new PQueue({ concurrency: 32 }).addAll(work)
      expect(await keysOf(store.list(top))).toHaveLength(48)
    })

    it('never shows a part of an object that is being replaced', async () => {
      const key = `${folder()}flicker`
      const versions = [Buffer.alloc(300_000, 'a'), Buffer.alloc(200_000, 'b')]
      await store.put(key, versions[0]!)
      const reader = async () => {
        for (let n = 0; n < 10; n++) {
          const { body } = await store.get(key)
          expect(versions.some(one => Buffer.compare(one, body) === 0)).toBe(true)
        }
      }
      const writer = async () => {
        for (let n = 0; n < 10; n++) await store.put(key, versions[n % 2]!)
      }
      await Promise.all([writer(), reader(), reader()])
    })

    it('does nothing for a signal that has fired', async () => {
      const key = `${folder()}aborted`
      const signal = AbortSignal.abort()
      for (const call of [
        () => store.put(key, bytes('x'), { signal }),
        () => store.get(key, { signal }),
        () => store.head(key, { signal }),
        () => store.delete(key, { signal }),
      ]) {
        expect(await codeOf(call())).toBe('interrupted')
      }
      expect(await store.head(key)).toBeNull()
    })

    it('lists nothing for a signal that has fired', async () => {
      const top = folder()
      const signal = AbortSignal.abort()
      await store.put(`${top}a/b`, bytes('x'))
      expect(await codeOf(all(store.list(top, { signal })))).toBe('interrupted')
      expect(await codeOf(all(store.folders(top, { signal })))).toBe('interrupted')
    })

    it("ends with the signal's own failure when that is its reason", async () => {
      const signal = AbortSignal.abort(new Failure('lease-lost', 'gone'))
      expect(await codeOf(store.get(`${folder()}x`, { signal }))).toBe('lease-lost')
    })

    it('stops when the signal fires midway: all or nothing is stored', async () => {
      const key = `${folder()}midway`
      const body = randomBytes(8 * 1024 * 1024)
      const controller = new AbortController()
      const put = store.put(key, body, { signal: controller.signal }).then(
        () => 'stored',
        thrown => asFailure(thrown).code,
      )
      await new Promise(resolve => setTimeout(resolve, 1))
      controller.abort()
      expect(['stored', 'interrupted']).toContain(await put)
      const found = await store.head(key)
      if (found) expect(Buffer.compare((await store.get(key)).body, body)).toBe(0)
    })

    it.each(BAD_KEYS)('refuses, before it goes anywhere, a key with %s', async (_, key) => {
      expect(await codeOf(store.put(key, bytes('x')))).toBe('store-refused')
      expect(await codeOf(store.get(key))).toBe('store-refused')
      expect(await codeOf(store.head(key))).toBe('store-refused')
      expect(await codeOf(store.delete(key))).toBe('store-refused')
    })

    it.each(['/', '../', 'a//', 'a/../', '.tmp-x/'])('refuses the prefix %j', async prefix => {
      expect(await codeOf(all(store.folders(prefix)))).toBe('store-refused')
      expect(await codeOf(all(store.list(prefix)))).toBe('store-refused')
    })
  })
}
