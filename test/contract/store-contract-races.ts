// What every store promises when several act at once, and when one is called off.
import { randomBytes } from 'node:crypto'
import PQueue from 'p-queue'
import { expect, it } from 'vitest'
import { asFailure, Failure } from '../../src/domain/errors.js'
import { bytes, codeOf, type Ground, keysOf } from './store-samples.js'

/** Declares the tests, inside a describe. */
export function racePromises(ground: Ground): void {
  it('puts when absent, and never a second time', async () => {
    const key = `${ground.folder()}once`
    await ground.store.put(key, bytes('first'), { when: 'absent' })
    expect(await codeOf(ground.store.put(key, bytes('second'), { when: 'absent' }))).toBe('store-conflict')
    expect(Buffer.from((await ground.store.get(key)).body).toString()).toBe('first')
    await ground.store.delete(key)
    await ground.store.put(key, bytes('third'), { when: 'absent' })
  })

  it('puts on an etag, once, and never on an object that is gone', async () => {
    const key = `${ground.folder()}versioned`
    const first = await ground.store.put(key, bytes('first'))
    const second = await ground.store.put(key, bytes('second'), { when: first })
    expect(await codeOf(ground.store.put(key, bytes('third'), { when: first }))).toBe('store-conflict')
    expect((await ground.store.get(key)).etag).toBe(second.etag)
    await ground.store.delete(key)
    expect(await codeOf(ground.store.put(key, bytes('fourth'), { when: second }))).toBe('store-conflict')
    expect(await ground.store.head(key)).toBeNull()
  })

  it('lets exactly one of 20 win a race for an absent key', async () => {
    const key = `${ground.folder()}race`
    const racers = Array.from({ length: 20 }, (_, n) => n)
    const ends = await Promise.allSettled(
      racers.map(n => ground.store.put(key, bytes(`racer ${n}`), { when: 'absent' })),
    )
    const winners = racers.filter(n => ends[n]?.status === 'fulfilled')
    expect(winners).toHaveLength(1)
    expect(Buffer.from((await ground.store.get(key)).body).toString()).toBe(`racer ${winners[0]}`)
    for (const end of ends) if (end.status === 'rejected') expect(end.reason.code).toBe('store-conflict')
  })

  it('lets exactly one of 20 win a race for an etag', async () => {
    const key = `${ground.folder()}race`
    const start = await ground.store.put(key, bytes('start'))
    const racers = Array.from({ length: 20 }, (_, n) => n)
    const ends = await Promise.allSettled(
      racers.map(n => ground.store.put(key, bytes(`racer ${n}`), { when: start })),
    )
    const winners = racers.filter(n => ends[n]?.status === 'fulfilled')
    expect(winners).toHaveLength(1)
    expect(Buffer.from((await ground.store.get(key)).body).toString()).toBe(`racer ${winners[0]}`)
    for (const end of ends) if (end.status === 'rejected') expect(end.reason.code).toBe('store-conflict')
  })

  it('serves 32 at once, each whole, while others delete beside them', async () => {
    const top = ground.folder()
    const work = Array.from({ length: 96 }, (_, n) => async () => {
      const key = `${top}${n % 8}/${n}`
      const body = randomBytes(20_000 + n)
      await ground.store.put(key, body)
      expect(Buffer.compare((await ground.store.get(key)).body, body)).toBe(0)
      if (n % 2) await ground.store.delete(key)
    })
    await new PQueue({ concurrency: 32 }).addAll(work)
    expect(await keysOf(ground.store.list(top))).toHaveLength(48)
  })

  it('never shows a part of an object that is being replaced', async () => {
    const key = `${ground.folder()}flicker`
    const versions = [Buffer.alloc(300_000, 'a'), Buffer.alloc(200_000, 'b')]
    await ground.store.put(key, versions[0]!)
    const reader = async () => {
      for (let n = 0; n < 10; n++) {
        const { body } = await ground.store.get(key)
        expect(versions.some(one => Buffer.compare(one, body) === 0)).toBe(true)
      }
    }
    const writer = async () => {
      for (let n = 0; n < 10; n++) await ground.store.put(key, versions[n % 2]!)
    }
    await Promise.all([writer(), reader(), reader()])
  })

  it('does nothing for a signal that has fired', async () => {
    const key = `${ground.folder()}aborted`
    const signal = AbortSignal.abort()
    for (const call of [
      () => ground.store.put(key, bytes('x'), { signal }),
      () => ground.store.get(key, { signal }),
      () => ground.store.head(key, { signal }),
      () => ground.store.delete(key, { signal }),
    ]) {
      expect(await codeOf(call())).toBe('interrupted')
    }
    expect(await ground.store.head(key)).toBeNull()
  })

  it("ends with the signal's own failure when that is its reason", async () => {
    const signal = AbortSignal.abort(new Failure('lease-lost', 'gone'))
    expect(await codeOf(ground.store.get(`${ground.folder()}x`, { signal }))).toBe('lease-lost')
  })

  it('stops when the signal fires midway: all or nothing is stored', async () => {
    const key = `${ground.folder()}midway`
    const body = randomBytes(8 * 1024 * 1024)
    const controller = new AbortController()
    const put = ground.store.put(key, body, { signal: controller.signal }).then(
      () => 'stored',
      thrown => asFailure(thrown).code,
    )
    await new Promise(resolve => setTimeout(resolve, 1))
    controller.abort()
    expect(['stored', 'interrupted']).toContain(await put)
    const found = await ground.store.head(key)
    if (found) expect(Buffer.compare((await ground.store.get(key)).body, body)).toBe(0)
  })
}
