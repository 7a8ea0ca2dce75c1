import PQueue from 'p-queue'
import { expect, it } from 'vitest'
import { byUtf8 } from '../../src/store/key-law.js'
import { all, bytes, codeOf, type Ground, keysOf, ODD_NAMES } from './store-samples.js'

/** Declares the tests, inside a describe. `manyKeys` is how many objects the paging test stores. */
export function listingPromises(ground: Ground, manyKeys: number): void {
  it('keeps odd names apart, each under its very own, in the order of their bytes', async () => {
    const top = ground.folder()
    for (const one of ODD_NAMES) await ground.store.put(`${top}${one}/${one}`, bytes(one))
    const expected = ODD_NAMES.map(one => `${top}${one}/${one}`).sort((a, b) =>
      Buffer.compare(bytes(a), bytes(b)),
    )
    expect(await keysOf(ground.store.list(top))).toEqual(expected)
    expect(await all(ground.store.folders(top))).toEqual(
      ODD_NAMES.map(one => `${one}/`).sort((a, b) => Buffer.compare(bytes(a), bytes(b))),
    )
    for (const one of ODD_NAMES) {
      expect(Buffer.from((await ground.store.get(`${top}${one}/${one}`)).body).toString()).toBe(one)
      expect(await keysOf(ground.store.list(`${top}${one}/`))).toEqual([`${top}${one}/${one}`])
    }
  })

  it('lists in the order of whole keys, not of segments', async () => {
    const top = ground.folder()
    const names = ['a', 'a!', 'a!/x', 'a-b', 'a.b', 'a0/x', 'a/x'].filter(one => one !== 'a' && one !== 'a!')
    for (const one of names) await ground.store.put(top + one, bytes(one))
    const expected = names.map(one => top + one).sort(byUtf8)
    expect(await keysOf(ground.store.list(top))).toEqual(expected)
  })

  it('lists by any prefix, not only by whole segments', async () => {
    const top = ground.folder()
    for (const one of ['ab/1', 'ab/2', 'abc/1', 'ac/1', 'b']) await ground.store.put(top + one, bytes(one))
    const listed = async (prefix: string) =>
      (await keysOf(ground.store.list(top + prefix))).map(key => key.slice(top.length))
    expect(await listed('ab')).toEqual(['ab/1', 'ab/2', 'abc/1'])
    expect(await listed('ab/')).toEqual(['ab/1', 'ab/2'])
    expect(await listed('ab/1')).toEqual(['ab/1'])
    expect(await listed('b')).toEqual(['b'])
    expect(await listed('none/at/all')).toEqual([])
    expect(await listed('')).toEqual(['ab/1', 'ab/2', 'abc/1', 'ac/1', 'b'])
  })

  it('lists what comes after a key', async () => {
    const top = ground.folder()
    for (const one of ['a/1', 'a/2', 'b', 'c/1']) await ground.store.put(top + one, bytes(one))
    const listedAfter = async (key: string) =>
      (await keysOf(ground.store.list(top, { after: top + key }))).map(one => one.slice(top.length))
    expect(await listedAfter('a')).toEqual(['a/1', 'a/2', 'b', 'c/1'])
    expect(await listedAfter('a/1')).toEqual(['a/2', 'b', 'c/1'])
    expect(await listedAfter('a/15')).toEqual(['a/2', 'b', 'c/1'])
    expect(await listedAfter('a0')).toEqual(['b', 'c/1'])
    expect(await listedAfter('c/1')).toEqual([])
  })

  it('names folders that hold something, at one level, and no others', async () => {
    const top = ground.folder()
    for (const one of ['b/x/y', 'b/z', 'a/1', 'file']) await ground.store.put(top + one, bytes(one))
    expect(await all(ground.store.folders(top))).toEqual(['a/', 'b/'])
    expect(await all(ground.store.folders(`${top}b/`))).toEqual(['x/'])
    expect(await all(ground.store.folders(`${top}none/`))).toEqual([])
    await ground.store.delete(`${top}a/1`)
    expect(await all(ground.store.folders(top))).toEqual(['b/'])
  })

  it(`lists ${manyKeys} objects, all of them, in order, and every folder`, async () => {
    const top = ground.folder()
    const keys = Array.from({ length: manyKeys }, (_, n) => `${top}${(n * 7919) % 1201}/${n}`)
    const queue = new PQueue({ concurrency: 32 })
    await queue.addAll(keys.map(key => () => ground.store.put(key, bytes('x'))))
    expect(await keysOf(ground.store.list(top))).toEqual([...keys].sort(byUtf8))
    const folders = new Set(keys.map(key => `${key.slice(top.length).split('/')[0]}/`))
    expect(await all(ground.store.folders(top))).toEqual([...folders].sort(byUtf8))
    await queue.addAll(keys.map(key => () => ground.store.delete(key)))
    expect(await keysOf(ground.store.list(top))).toEqual([])
  })

  it('can be left in the middle of a listing', async () => {
    const top = ground.folder()
    for (const one of ['1', '2', '3']) await ground.store.put(top + one, bytes(one))
    for await (const one of ground.store.list(top)) {
      expect(one.key).toBe(`${top}1`)
      break
    }
  })

  it('lists nothing for a signal that has fired', async () => {
    const top = ground.folder()
    const signal = AbortSignal.abort()
    await ground.store.put(`${top}a/b`, bytes('x'))
    expect(await codeOf(all(ground.store.list(top, { signal })))).toBe('interrupted')
    expect(await codeOf(all(ground.store.folders(top, { signal })))).toBe('interrupted')
  })

  it.each(['/', '../', 'a//', 'a/../', '.tmp-x/'])('refuses the prefix %j', async prefix => {
    expect(await codeOf(all(ground.store.folders(prefix)))).toBe('store-refused')
    expect(await codeOf(all(ground.store.list(prefix)))).toBe('store-refused')
  })
}
