// What every store promises about single objects and their keys.
import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { all, BAD_KEYS, bytes, codeOf, type Ground, keysOf } from './store-samples.js'

/** Declares the tests, inside a describe. */
export function objectPromises(ground: Ground): void {
  it('has a name', () => expect(ground.store.name).not.toBe(''))

  it('gives back what was put, with the same etag from put, get and head', async () => {
    const key = `${ground.folder()}a/b/c`
    const body = randomBytes(1000)
    const put = await ground.store.put(key, body)
    const got = await ground.store.get(key)
    const head = await ground.store.head(key)
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
    const key = `${ground.folder()}body`
    const body = randomBytes(size)
    const { etag } = await ground.store.put(key, body)
    expect(Buffer.compare((await ground.store.get(key)).body, body)).toBe(0)
    expect(await ground.store.head(key)).toMatchObject({ bytes: size, etag })
    expect((await all(ground.store.list(key))).map(one => one.bytes)).toEqual([size])
  })

  it('takes a view into a larger buffer', async () => {
    const key = `${ground.folder()}view`
    await ground.store.put(key, new Uint8Array(bytes('0123456789')).subarray(2, 5))
    expect(Buffer.from((await ground.store.get(key)).body).toString()).toBe('234')
  })

  it('takes memory that threads share, and has done with it once it resolves', async () => {
    const key = `${ground.folder()}shared`
    const room = new Uint8Array(new SharedArrayBuffer(300_000)).subarray(100)
    room.fill(7)
    await ground.store.put(key, room)
    room.fill(8)
    expect(Buffer.compare((await ground.store.get(key)).body, Buffer.alloc(room.length, 7))).toBe(0)
  })

  it('replaces, and gives another etag for other bytes', async () => {
    const key = `${ground.folder()}same`
    const first = await ground.store.put(key, bytes('first'))
    const second = await ground.store.put(key, bytes('second'))
    expect(second.etag).not.toBe(first.etag)
    expect(Buffer.from((await ground.store.get(key)).body).toString()).toBe('second')
    expect((await ground.store.put(key, bytes('second'))).etag).toBe((await ground.store.head(key))?.etag)
  })

  it('says that an object is missing: get fails, head is null, delete succeeds', async () => {
    const key = `${ground.folder()}nothing/here`
    expect(await codeOf(ground.store.get(key))).toBe('object-missing')
    expect(await ground.store.head(key)).toBeNull()
    await ground.store.delete(key)
  })

  it('deletes, once and again, and nothing else', async () => {
    const top = ground.folder()
    await ground.store.put(`${top}a/1`, bytes('1'))
    await ground.store.put(`${top}a/12`, bytes('12'))
    await ground.store.delete(`${top}a/1`)
    await ground.store.delete(`${top}a/1`)
    await ground.store.delete(`${top}a`)
    expect(await codeOf(ground.store.get(`${top}a/1`))).toBe('object-missing')
    expect(await keysOf(ground.store.list(top))).toEqual([`${top}a/12`])
    await ground.store.put(`${top}a/1`, bytes('again'))
    expect(await keysOf(ground.store.list(top))).toEqual([`${top}a/1`, `${top}a/12`])
  })

  it.each(BAD_KEYS)('refuses, before it goes anywhere, a key with %s', async (_, key) => {
    expect(await codeOf(ground.store.put(key, bytes('x')))).toBe('store-refused')
    expect(await codeOf(ground.store.get(key))).toBe('store-refused')
    expect(await codeOf(ground.store.head(key))).toBe('store-refused')
    expect(await codeOf(ground.store.delete(key))).toBe('store-refused')
  })
}
