// Streams into chunks, with the real threads: what goes in comes out, what is there is not stored again,
// and whatever breaks, nothing is written any more once the writing has settled.
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, it, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { listMarked, markDamage } from '../../src/repository/damage.js'
import { HEAD_BYTES } from '../../src/repository/intake.js'
import { manifestName } from '../../src/repository/manifests.js'
import { ensureTenantKey, type TenantKey } from '../../src/repository/tenant-keys.js'
import { writeStream } from '../../src/repository/write-stream.js'
import { chunkKey, chunksPrefix, manifestKey } from '../../src/store/keys.js'
import type { Store } from '../../src/store/port.js'
import { until } from '../kit/clock.js'
import { faultyStore } from '../kit/faulty-store.js'
import { gate } from '../kit/gate.js'
import { type MemoryStore, memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import {
  ACME,
  backUp,
  emptyStore,
  inPieces,
  intakeOf,
  manifestOf,
  never,
  readBack,
  testRepository,
  write,
} from '../kit/repository.js'

let store: MemoryStore
let key: TenantKey
const repository = testRepository(memoryStore())

beforeEach(async () => {
  ;({ store, key } = await emptyStore(repository))
})

afterAll(() => repository.close())

const chunksIn = (where: MemoryStore): string[] =>
  [...where.objects.keys()].filter(one => one.startsWith(chunksPrefix(ACME)))
const readAgain = (written: Awaited<ReturnType<typeof write>>) =>
  readBack(repository, key, manifestOf(ACME, written, '2026-11-23T02:00:00.000Z'))

/** Streams with repeated stretches, in pieces of any size. */
const stream = fc.record({
  bytes: fc
    .array(fc.record({ seed: fc.nat(3), length: fc.integer({ min: 0, max: 90_000 }) }), { maxLength: 5 })
    .map(parts => Buffer.concat(parts.map(({ seed, length }) => noise(length, seed)))),
  pieceBytes: fc.integer({ min: 200, max: 100_000 }),
})

test('any stream comes back as it was, and every chunk that is named is there', async () => {
  await fc.assert(
    fc.asyncProperty(stream, async ({ bytes, pieceBytes }) => {
      const written = await write(repository, key, bytes, { pieceBytes })
      expect(written.bytes).toBe(bytes.length)
      for (const chunk of written.chunks) {
        expect(store.objects.get(chunkKey(ACME, chunk.id))?.body.length).toBe(chunk.storedBytes)
      }
      expect(bytes.equals(await readAgain(written))).toBe(true)
      const again = await write(repository, key, bytes, { pieceBytes: 65_536 })
      expect(again.stored.newChunks).toBe(0)
      expect(again.chunks).toEqual(written.chunks)
    }),
    { numRuns: 15 },
  )
})

test('a stream no longer than its head, or empty, needs no chunk', async () => {
  for (const length of [0, 1, HEAD_BYTES - 1, HEAD_BYTES]) {
    const bytes = noise(length, 7)
    const written = await write(repository, key, bytes, { pieceBytes: 5 })
    expect(written).toMatchObject({ bytes: length, chunks: [], head: bytes.toString('base64') })
    expect(bytes.equals(await readAgain(written))).toBe(true)
  }
  expect(chunksIn(store)).toEqual([])
  expect((await write(repository, key, noise(HEAD_BYTES + 1, 7))).chunks).toHaveLength(1)
})

test('a changed middle stores little, and a changed head nothing', async () => {
  const bytes = noise(2_000_000, 1)
  const first = await write(repository, key, bytes)
  expect(first.stored.newChunks).toBeGreaterThan(60)
  const changed = Buffer.from(bytes)
  changed.write('something else', 1_000_000)
  const second = await write(repository, key, changed)
  expect(second.stored.newChunks).toBeGreaterThan(0)
  expect(second.stored.newChunks).toBeLessThan(6)
  const longer = Buffer.concat([bytes.subarray(0, 900_000), noise(1000, 9), bytes.subarray(900_000)])
  expect((await write(repository, key, longer)).stored.newChunks).toBeLessThan(6)
  const otherHead = Buffer.from(bytes)
  otherHead.write('another instant', 20)
  expect((await write(repository, key, otherHead)).stored.newChunks).toBe(0)
})

test('the same stretch many times in one stream is stored once, and each time named with its stored length', async () => {
  const stretch = noise(300_000, 2)
  const bytes = Buffer.concat([noise(HEAD_BYTES, 1), stretch, stretch, stretch, Buffer.alloc(500_000)])
  const written = await write(repository, key, bytes)
  expect(written.stored.newChunks).toBe(chunksIn(store).length)
  expect(written.stored.newChunks).toBeLessThan(written.chunks.length / 2)
  expect(written.chunks.every(one => one.storedBytes > 0)).toBe(true)
  expect(written.stored.newChunks + written.stored.reusedChunks).toBe(written.chunks.length)
  expect(bytes.equals(await readAgain(written))).toBe(true)
})

test('the observer sees every byte and its facts come with the result', async () => {
  const counting = moduleOf('let n = 0; return { push(b) { n += b.length }, end() { return { n } } }')
  const written = await write(repository, key, noise(200_000, 3), { observer: counting })
  expect(written.facts).toEqual({ n: 200_000 })
})

test('a thread that saw a stream through takes the next one; one that broke takes none', async () => {
  const bytes = noise(300_000, 5)
  const threadOf = async (more = '') => {
    const observer = moduleOf(`return { push() {}, end() { ${more} return threadId } }`)
    return (await write(repository, key, bytes, { observer })).facts
  }
  const first = await threadOf()
  expect([await threadOf(), await threadOf()]).toEqual([first, first])
  await expect(threadOf('throw new Error("unsound");')).rejects.toMatchObject({ code: 'unexpected' })
  const [other, both] = [await threadOf(), await Promise.all([threadOf(), threadOf()])]
  expect(other).not.toBe(first)
  expect(new Set(both).size).toBe(2)
})

test('chunks larger than the memory that is kept are stored as well', async () => {
  const cutter = { minBytes: 20 * 1024 * 1024, averageBytes: 24 * 1024 * 1024, maxBytes: 32 * 1024 * 1024 }
  const bytes = noise(40_000_000, 2)
  const written = await write({ ...repository, cutter }, key, bytes)
  expect(written.chunks.length).toBeLessThan(3)
  expect(bytes.equals(await readAgain(written))).toBe(true)
})

test('new chunks are put for later, and what mends a damaged one at once; what is listed is to be named', async () => {
  const bytes = noise(300_000, 11)
  const [damaged] = (await backUp(repository, ACME, bytes)).chunks
  store.objects.delete(chunkKey(ACME, damaged!.id))
  const put = new Map<string, unknown>()
  const listed: unknown[] = []
  const watched: Store = {
    ...store,
    put: (where, body, options) => {
      put.set(where, options?.durable)
      return store.put(where, body, options)
    },
    list: (prefix, options) => {
      if (prefix === chunksPrefix(ACME)) listed.push(options?.toBeNamed)
      return store.list(prefix, options)
    },
  }
  await write({ ...repository, store: watched }, key, Buffer.concat([bytes, noise(100_000, 12)]))
  const chunks = [...put].filter(([where]) => where.startsWith(chunksPrefix(ACME)))
  expect(put.get(chunkKey(ACME, damaged!.id))).toBe('now')
  const others = chunks.filter(([where]) => where !== chunkKey(ACME, damaged!.id))
  expect(others.length).toBeGreaterThan(2)
  expect(others.every(([, durable]) => durable === 'later')).toBe(true)
  expect(listed).toEqual([true])
})

test('no warning about listeners appears however many chunks are under way', async () => {
  const warnings: string[] = []
  const note = (warning: Error) => void warnings.push(warning.name)
  process.on('warning', note)
  const written = await write(repository, key, noise(3_000_000, 8))
  await readAgain(written)
  await pause(20)
  process.off('warning', note)
  expect(warnings).toEqual([])
})

describe('damaged chunks in the listing', () => {
  const bytes = noise(400_000, 4)

  it('too short to be one, they are not taken as there', async () => {
    const { chunks } = await write(repository, key, bytes)
    const where = chunkKey(ACME, chunks[3]!.id)
    for (const body of ['', 'age-encryption.org/v1\n']) {
      await store.put(where, Buffer.from(body))
      const damages: unknown[] = []
      const again = await write(repository, key, bytes, { onDamage: one => damages.push(one) })
      expect(again.stored.newChunks).toBe(1)
      expect(damages).toEqual([
        { key: where, message: `${body.length} bytes, where a whole chunk were stored` },
      ])
      expect(bytes.equals(await readAgain(again))).toBe(true)
    }
  })

  it('of another length than the newest backup says, or gone, they are stored anew and told', async () => {
    const manifest = await backUp(repository, ACME, bytes)
    const [short, long, gone] = [1, 4, 6].map(n => chunkKey(ACME, manifest.chunks[n]!.id))
    const whole = store.objects.get(short!)!.body
    await store.put(short!, whole.subarray(0, whole.length - 1))
    await store.put(long!, Buffer.concat([store.objects.get(long!)!.body, Buffer.from('!')]))
    store.objects.delete(gone!)
    const damages: { key: string }[] = []
    const again = await write(repository, key, bytes, { onDamage: one => damages.push(one) })
    expect(damages.map(one => one.key).sort()).toEqual([short, long, gone].sort())
    expect(again.stored.newChunks).toBe(3)
    expect(bytes.equals(await readAgain(again))).toBe(true)
    expect(
      (await write(repository, key, bytes, { onDamage: one => damages.push(one) })).stored.newChunks,
    ).toBe(0)
    expect(damages).toHaveLength(3)
  })

  it('not needed any more, they are marked for the backups that were, once, and healed when they come again', async () => {
    const { chunks } = await backUp(repository, ACME, bytes)
    const [short, gone] = [chunks[1]!, chunks.at(-1)!]
    const where = chunkKey(ACME, short.id)
    await store.put(where, store.objects.get(where)!.body.subarray(1))
    store.objects.delete(chunkKey(ACME, gone.id))
    const told: unknown[] = []
    const onDamage = (damage: unknown) => void told.push(damage)
    const first = await write(repository, key, noise(100_000, 9), { onDamage })
    expect(new Map(first.marked.map(({ chunk, kind }) => [chunk, kind]))).toEqual(
      new Map([
        [short.id, 'wrong-length'],
        [gone.id, 'missing'],
      ]),
    )
    expect((await write(repository, key, noise(100_000, 9), { onDamage })).marked).toEqual([])
    expect(told).toHaveLength(2)
    const { healed } = await write(repository, key, bytes)
    expect(new Set(healed)).toEqual(new Set([short.id, gone.id]))
    expect(await listMarked(store, ACME)).toEqual(new Set())
  })

  it('stored anew and still not whole, it keeps its mark, and the stream is refused', async () => {
    const { chunks } = await backUp(repository, ACME, bytes)
    const { id } = chunks[2]!
    await markDamage(store, key, { chunk: id, key: '', kind: 'corrupt', message: 'a bit' }, new Date())
    repository.store = faultyStore(store, [
      { on: 'get', key: new RegExp(`chunks/.*${id}`), times: Infinity, effect: { flipBitAt: 4000 } },
    ])
    await expect(write(repository, key, bytes)).rejects.toMatchObject({ code: 'object-corrupt' })
    expect(await listMarked(store, ACME)).toEqual(new Set([id]))
  })

  it('a store that does not give the newest manifest is no damage: nothing is written', async () => {
    await backUp(repository, ACME, bytes)
    const before = store.objects.size
    repository.store = faultyStore(store, [{ on: 'get', key: /manifests/, effect: { fail: 'store-denied' } }])
    await expect(write(repository, key, noise(100_000, 9))).rejects.toMatchObject({ code: 'store-denied' })
    expect(store.objects.size).toBe(before)
  })

  it('a newest manifest that is damaged is told, and the one before it asked', async () => {
    const first = await backUp(repository, ACME, bytes, '2026-11-22T02:00:00.000Z')
    const second = await backUp(repository, ACME, bytes)
    const newest = manifestKey(manifestName(second))
    await store.put(newest, Buffer.from('nonsense'))
    const short = chunkKey(ACME, first.chunks[2]!.id)
    await store.put(short, store.objects.get(short)!.body.subarray(0, 300))
    const damages: { key: string }[] = []
    const again = await write(repository, key, bytes, { onDamage: one => damages.push(one) })
    expect(damages.map(one => one.key)).toEqual([newest, short])
    expect(again.stored.newChunks).toBe(1)
  })
})

describe('when something breaks', () => {
  const bytes = noise(6_000_000, 5)
  const breaking: [string, string, (store: Store) => ReturnType<typeof write>][] = [
    [
      'the observer midway',
      'unexpected',
      () => write(repository, key, bytes, { observer: failingAt(3_000_000) }),
    ],
    [
      'the observer at the end',
      'unexpected',
      () =>
        write(repository, key, bytes, {
          observer: moduleOf('return { push() {}, end() { throw new Error("unsound") } }'),
        }),
    ],
    ['the source midway', 'dump-failed', () => fromSource(brokenSource(3_000_000))],
    ['the source at once', 'dump-failed', () => fromSource(brokenSource(0))],
  ]
  const fromSource = async (source: Readable, signal = never) =>
    writeStream(repository, key, await intakeOf(source), { observer: null, signal })

  it.each(breaking)(
    '%s: the failure is told, and nothing is written afterwards',
    async (_, code, attempt) => {
      const slow = slowStore(store)
      repository.store = slow
      await expect(attempt(slow)).rejects.toMatchObject(code === 'unexpected' ? {} : { code })
      await nothingMoreIn(slow)
    },
  )

  it('a put: the stream ends at once with its failure, although the rest needs no put', async () => {
    await write(repository, key, bytes)
    const [first] = chunksIn(store).sort()
    store.objects.delete(first!)
    const faulty = faultyStore(store, [{ on: 'put', key: /chunks/, effect: { fail: 'store-full' } }])
    repository.store = faulty
    const endless = Readable.from(
      (function* () {
        yield* inPieces(bytes, 65_536)
        for (;;) yield Buffer.alloc(65_536)
      })(),
      { objectMode: false },
    )
    await expect(fromSource(endless)).rejects.toMatchObject({ code: 'store-full' })
    expect(store.objects.has(first!)).toBe(false)
  })

  it('one put among many: it rejects, and the next try stores only what is missing', async () => {
    repository.store = faultyStore(store, [
      { on: 'put', key: /chunks/, nth: 40, effect: { fail: 'store-unreachable' } },
    ])
    await expect(write(repository, key, bytes)).rejects.toMatchObject({ code: 'store-unreachable' })
    repository.store = store
    const there = chunksIn(store).length
    expect(there).toBeGreaterThanOrEqual(39)
    const written = await write(repository, key, bytes)
    expect(written.stored.newChunks).toBe(written.chunks.length - there)
    expect(bytes.equals(await readAgain(written))).toBe(true)
  })

  it('the listing: the source is let go', async () => {
    repository.store = faultyStore(store, [{ on: 'list', key: /chunks/, effect: { fail: 'store-denied' } }])
    const source = Readable.from(inPieces(bytes, 65_536), { objectMode: false })
    await expect(fromSource(source)).rejects.toMatchObject({ code: 'store-denied' })
    await until(() => source.destroyed)
  })

  it('the thread itself, without a word: it is told', async () => {
    const observer = moduleOf('return { push() {}, end() { process.exit(0) } }')
    const writing = write(repository, key, noise(1000, 3), { observer })
    await expect(writing).rejects.toMatchObject({ code: 'unexpected' })
  })

  it('a signal that has fired before: the stream is not taken', async () => {
    const reason = new Failure('interrupted', 'stop')
    const intake = await intakeOf(Readable.from([bytes], { objectMode: false }))
    const taken = intake.take({ cutting: null, observer: null, signal: AbortSignal.abort(reason) })
    await expect(taken).rejects.toBe(reason)
    expect(intake.input.destroyed).toBe(true)
  })

  it('an abort at any instant: its reason is told, and nothing is written afterwards', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(60), fc.nat(2), async (after, what) => {
        const slow = slowStore(memoryStore())
        repository.store = slow
        const fresh = await ensureTenantKey(repository, ACME)
        const controller = new AbortController()
        const reason = new Failure('interrupted', 'stop')
        let steps = 0
        const step = () => {
          if (steps++ === after) controller.abort(reason)
        }
        if (what === 0) slow.onPut = step
        const options = { signal: controller.signal, ...(what === 1 ? { onProgress: step } : {}) }
        const writing = write(repository, fresh, bytes, options)
        if (what === 2) setTimeout(() => controller.abort(reason), after * 3)
        const end = await writing.then(
          () => 'written',
          thrown => thrown,
        )
        expect([reason, 'written']).toContain(end)
        // Progress is told a batch at a time: a late instant may never come.
        if (what < 2) expect(end).toBe(controller.signal.aborted ? reason : 'written')
        await nothingMoreIn(slow)
      }),
      { numRuns: 8 },
    )
  })

  /** Puts take a while, so that some are always on their way. */
  function slowStore(inner: Store) {
    const slow = {
      ...inner,
      onPut: () => {},
      started: 0,
      running: 0,
      put: async (...args: Parameters<Store['put']>) => {
        slow.started += 1
        slow.running += 1
        slow.onPut()
        try {
          await pause(3)
          return await inner.put(...args)
        } finally {
          slow.running -= 1
        }
      },
    }
    return slow
  }

  /** What was being sealed when it broke is sealed by then. */
  async function nothingMoreIn(slow: ReturnType<typeof slowStore>): Promise<void> {
    const { started, running } = slow
    expect(running).toBe(0)
    await pause(120)
    expect(slow.started).toBe(started)
  }
})

test('bytes under way stay within the windows while the store stands still', async () => {
  const MiB = 1024 * 1024
  const held = gate()
  let putting = 0
  let most = 0
  repository.store = {
    ...store,
    put: async (...args) => {
      putting += 1
      most = Math.max(most, putting)
      await held.opened
      putting -= 1
      return store.put(...args)
    },
  }
  const bytes = noise(40 * MiB, 6)
  let given = 0
  const source = Readable.from(
    (function* () {
      for (const piece of inPieces(bytes, 65_536)) {
        given += piece.length
        yield piece
      }
    })(),
    { objectMode: false },
  )
  const writing = writeStream(repository, key, await intakeOf(source), { observer: null, signal: never })
  // 4 MiB to the thread, 12 MiB waiting to be sealed, and as much again as puts may hold: a few small chunks.
  await until(() => putting === repository.transfers && given > 12 * MiB)
  // It would go on by now, if it did.
  await pause(400)
  expect(given).toBeLessThan(18 * MiB)
  expect(most).toBe(repository.transfers)
  held.open()
  expect((await writing).bytes).toBe(bytes.length)
  expect(most).toBe(repository.transfers)
})

/** A stream that breaks as a dump does whose program died. */
function brokenSource(after: number): Readable {
  return Readable.from(
    (function* () {
      yield* inPieces(noise(after, 5), 65_536)
      throw new Failure('dump-failed', 'pg_dump died')
    })(),
    { objectMode: false },
  )
}

function moduleOf(body: string): string {
  const threads = `import { threadId } from 'node:worker_threads';`
  return `data:text/javascript,${encodeURIComponent(`${threads} export function createObserver() { ${body} }`)}`
}

const failingAt = (bytes: number): string =>
  moduleOf(
    `let n = 0; return { push(b) { n += b.length; if (n > ${bytes}) throw new Error('unsound') }, end() {} }`,
  )
