// What every store promises about long streams: all of it or nothing, never over something, and readable by the stretch.
import { createHash, randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import type { Store } from '../../src/store/port.js'
import { BAD_KEYS, bytes, codeOf, type Ground, keysOf } from './store-samples.js'

const MIB = 1024 * 1024

async function* parts(whole: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size)
}

async function* breaking(after: Uint8Array, reason: unknown): AsyncGenerator<Uint8Array> {
  yield* parts(after, MIB)
  throw reason
}

async function ranges(store: Store, key: string, size: number): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0, total = 1; at < total; at += size) {
    const piece = await store.getRange(key, { start: at, bytes: size })
    hash.update(piece.body)
    total = piece.totalBytes
  }
  return hash.digest('hex')
}

const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex')

/** Declares the tests, inside a describe. */
export function streamPromises(ground: Ground): void {
  it.each([
    ['empty', 0],
    ['one byte', 1],
    ['of one part', 3 * MIB],
    // Two whole parts of S3's and a bit: parts must be of one size.
    ['of several parts', 16 * MIB + 12_345],
  ])('stores a stream that is %s, and gives its stretches back', async (_, size) => {
    const key = `${ground.folder()}stream`
    const whole = randomBytes(size)
    const { etag } = await ground.store.putStream(key, parts(whole, 333_333), { expectedBytes: size })
    expect(await ground.store.head(key)).toMatchObject({ bytes: size, etag })
    expect(await ranges(ground.store, key, 5 * MIB)).toBe(sha256(whole))
    const { body, totalBytes } = await ground.store.getRange(key, { start: size, bytes: 10 })
    expect([body.length, totalBytes]).toEqual([0, size])
  })

  it('takes an archive as well, whatever classes it has', async () => {
    const key = `${ground.folder()}cold`
    await ground.store.putStream(key, parts(bytes('cold'), 2), { expectedBytes: 4, archival: true })
    const big = `${ground.folder()}cold`
    const whole = randomBytes(9 * MIB)
    await ground.store.putStream(big, parts(whole, MIB), { expectedBytes: 9 * MIB, archival: true })
    expect(Buffer.from((await ground.store.get(key)).body).toString()).toBe('cold')
    expect(await ranges(ground.store, big, 4 * MIB)).toBe(sha256(whole))
  })

  it.each([
    ['short', 10],
    ['long', 9 * MIB],
  ])('never replaces, with a stream that is %s', async (_, size) => {
    const key = `${ground.folder()}taken`
    // A key that is put under a condition is always put under one.
    await ground.store.put(key, bytes('first'), { when: 'absent' })
    const second = ground.store.putStream(key, parts(randomBytes(size), MIB), { expectedBytes: size })
    expect(await codeOf(second)).toBe('store-conflict')
    expect(Buffer.from((await ground.store.get(key)).body).toString()).toBe('first')
  })

  it.each([
    ['at once', 0],
    ['in its first part', MIB],
    ['between its parts', 17 * MIB],
  ])('leaves nothing of a stream that breaks %s, and tells why', async (_, size) => {
    const folder = ground.folder()
    const reason = new Failure('dump-failed', 'the source broke')
    const body = breaking(randomBytes(size), reason)
    const put = ground.store.putStream(`${folder}broken`, body, { expectedBytes: 20 * MIB })
    expect(await put.catch(thrown => thrown)).toBe(reason)
    expect(await keysOf(ground.store.list(folder))).toEqual([])
    const again = parts(bytes('whole'), 5)
    await ground.store.putStream(`${folder}broken`, again, { expectedBytes: 5 })
    expect(await keysOf(ground.store.list(folder))).toEqual([`${folder}broken`])
  })

  it('leaves nothing of a stream that is interrupted', async () => {
    const folder = ground.folder()
    const controller = new AbortController()
    const endless = async function* () {
      for (let mib = 0; ; mib++) {
        if (mib === 20) controller.abort()
        yield randomBytes(MIB)
      }
    }
    const { signal } = controller
    const put = ground.store.putStream(`${folder}endless`, endless(), { expectedBytes: 1e9, signal })
    expect(await codeOf(put)).toBe('interrupted')
    expect(await keysOf(ground.store.list(folder))).toEqual([])
  })

  it('reads a stretch of one version only', async () => {
    const key = `${ground.folder()}versions`
    await ground.store.put(key, bytes('0123456789'))
    const first = await ground.store.getRange(key, { start: 2, bytes: 3 })
    expect(Buffer.from(first.body).toString()).toBe('234')
    expect(first.totalBytes).toBe(10)
    const { version } = first
    const same = await ground.store.getRange(key, { start: 8, bytes: 30 }, { version })
    expect(Buffer.from(same.body).toString()).toBe('89')
    const listed = ground.store.list(key)[Symbol.asyncIterator]()
    expect((await listed.next()).value).toMatchObject({ bytes: 10, version })
    await listed.return?.(undefined)
    await ground.store.put(key, bytes('another one'))
    expect(await codeOf(ground.store.getRange(key, { start: 0, bytes: 3 }, { version }))).toBe(
      'store-conflict',
    )
    const other = await ground.store.getRange(key, { start: 0, bytes: 7 })
    expect(other.version).not.toBe(version)
    await ground.store.delete(key)
    expect(await codeOf(ground.store.getRange(key, { start: 0, bytes: 3 }))).toBe('object-missing')
    expect(await codeOf(ground.store.getRange(key, { start: 0, bytes: 3 }, { version }))).toBe(
      'object-missing',
    )
  })

  it('aborts an upload that is not there any more', async () => {
    await ground.store.abortUpload({ key: `${ground.folder()}gone`, id: 'not-an-upload' })
  })

  it.each(BAD_KEYS)('refuses a stream and a stretch under a key with %s', async (_, key) => {
    expect(await codeOf(ground.store.putStream(key, parts(bytes('x'), 1), { expectedBytes: 1 }))).toBe(
      'store-refused',
    )
    expect(await codeOf(ground.store.getRange(key, { start: 0, bytes: 1 }))).toBe('store-refused')
  })
}
