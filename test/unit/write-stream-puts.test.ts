// Puts of a stream that take long or fail, and the memory that they lie in: nothing is falsified, nothing is begun that is of
// no use any more, nothing that failed is passed over.
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { HEAD_BYTES } from '../../src/repository/intake.js'
import { giveMemoryBack, takeMemory } from '../../src/repository/stream-memory.js'
import { ensureTenantKey, type TenantKey } from '../../src/repository/tenant-keys.js'
import { writeStream } from '../../src/repository/write-stream.js'
import type { SealPool } from '../../src/seal/pool.js'
import { chunkKey } from '../../src/store/keys.js'
import type { Store } from '../../src/store/port.js'
import { until } from '../kit/clock.js'
import { faultyStore } from '../kit/faulty-store.js'
import { gate } from '../kit/gate.js'
import { type MemoryStore, memoryStore } from '../kit/memory-store.js'
import { noise } from '../kit/noise.js'
import {
  ACME,
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
const long = noise(6_000_000, 5)

beforeEach(async () => {
  ;({ store, key } = await emptyStore(repository))
})

afterAll(() => repository.close())

const readAgain = (written: Awaited<ReturnType<typeof write>>) =>
  readBack(repository, key, manifestOf(ACME, written, '2026-11-23T02:00:00.000Z'))

test('a stretch that comes again when its first is long stored is named with its stored length too', async () => {
  let puts = 0
  const counting: Store = {
    ...store,
    put: async (...args) => {
      const put = await store.put(...args)
      puts += 1
      return put
    },
  }
  const stretch = noise(150_000, 2)
  const cut = await write(repository, key, Buffer.concat([noise(HEAD_BYTES, 1), stretch]))
  store.objects.clear()
  const fresh = await ensureTenantKey(repository, ACME)
  const source = Readable.from(
    (async function* () {
      yield Buffer.concat([noise(HEAD_BYTES, 1), stretch])
      // All but what the end of the stretch is still to be cut into.
      await until(() => puts >= cut.chunks.length - 1)
      yield stretch
    })(),
    { objectMode: false },
  )
  const written = await writeStream({ ...repository, store: counting }, fresh, await intakeOf(source), {
    observer: null,
    signal: never,
  })
  expect(written.stored.reusedChunks).toBeGreaterThan(2)
  for (const { id, storedBytes } of written.chunks)
    expect(store.objects.get(chunkKey(ACME, id))?.body.length).toBe(storedBytes)
})

test('memory is used again only when nobody needs it: chunks that wait here and there are stored as they were', async () => {
  let puts = 0
  // Slow ones first, and in any order: the bytes are looked at when the put ends.
  const slow: Store = {
    ...store,
    put: async (where, body, options) => {
      await pause(puts++ % 7 === 0 ? 40 : puts % 5)
      return store.put(where, body, options)
    },
  }
  // As text: what does not compress is longer when it is sealed, and has memory of its own then.
  const bytes = Buffer.from(
    Buffer.concat(Array.from({ length: 12 }, (_, seed) => noise(200_000 + seed, seed))).toString('hex'),
  )
  for (const turn of [bytes, Buffer.from(bytes).reverse()]) {
    const written = await write({ ...repository, store: slow }, key, turn)
    expect(written.stored.newChunks).toBeGreaterThan(100)
    expect(turn.equals(await readAgain(written))).toBe(true)
  }
})

test('a put that takes long keeps its memory: what is sealed meanwhile goes elsewhere', async () => {
  const [first, second] = [1, 2].map(seed => Buffer.from(noise(60_000, seed).toString('hex')))
  const bytes = Buffer.concat([first!, second!])
  const [{ chunks: ofFirst }, { chunks }] = [
    await write(repository, key, first!),
    await write(repository, key, bytes),
  ]
  store.objects.clear()
  const fresh = await ensureTenantKey(repository, ACME)
  let [begun, ended] = [0, 0]
  const slow: Store = {
    ...store,
    put: async (...args) => {
      begun += 1
      if (begun === 1) await until(() => ended === chunks.length - 1)
      const put = await store.put(...args)
      ended += 1
      return put
    },
  }
  const source = Readable.from(
    (async function* () {
      yield first
      // All but the one that takes long, and the one that is still being cut.
      await until(() => ended === ofFirst.length - 2)
      yield second
    })(),
    { objectMode: false },
  )
  const written = await writeStream({ ...repository, store: slow }, fresh, await intakeOf(source), {
    observer: null,
    signal: never,
  })
  const manifest = manifestOf(ACME, written, '2026-11-23T02:00:00.000Z')
  expect(bytes.equals(await readBack(repository, fresh, manifest))).toBe(true)
})

test('the memory of one stream is that of the next, also when one fails or is aborted', async () => {
  const memory = takeMemory()
  giveMemoryBack(memory)
  const kept = () => {
    const next = takeMemory()
    giveMemoryBack(next)
    return next === memory
  }
  const bytes = noise(1_000_000, 4)
  await write(repository, key, bytes)
  expect(kept()).toBe(true)
  const faulty = faultyStore(store, [{ on: 'put', nth: 5, effect: { fail: 'store-unreachable' } }])
  await expect(write({ ...repository, store: faulty }, key, noise(900_000, 6))).rejects.toThrow()
  expect(kept()).toBe(true)
  const stop = new AbortController()
  const aborted = write(repository, key, noise(900_000, 7), {
    signal: stop.signal,
    onProgress: () => stop.abort(),
  })
  await expect(aborted).rejects.toThrow()
  expect(kept()).toBe(true)
})

test('a put that fails: none that waits for its turn begins, and the memory is nobody else’s while one is on its way', async () => {
  const memory = takeMemory()
  giveMemoryBack(memory)
  let [sealed, begun] = [0, 0]
  const [failing, others] = [gate(), gate()]
  const seals: SealPool = {
    ...repository.seals,
    seal: async (...args) => {
      const file = await repository.seals.seal(...args)
      sealed += 1
      return file
    },
  }
  const full: Store = {
    ...store,
    put: async (...args) => {
      begun += 1
      if (begun === 1) {
        await failing.opened
        throw new Failure('store-full', 'no room')
      }
      await others.opened
      return store.put(...args)
    },
  }
  const intake = await intakeOf(Readable.from(inPieces(long, 65_536), { objectMode: false }))
  const writing = writeStream({ ...repository, store: full, seals }, key, intake, {
    observer: null,
    signal: never,
  })
  const end = writing.catch(thrown => thrown)
  await until(() => sealed >= 2 * repository.transfers)
  failing.open()
  await until(() => intake.input.destroyed)
  // It would be given back by now, if it were.
  await pause(50)
  const next = takeMemory()
  expect(next).not.toBe(memory)
  giveMemoryBack(next)
  others.open()
  expect(await end).toMatchObject({ code: 'store-full' })
  expect(begun).toBe(repository.transfers)
})

test('an abort: what is on its way to the store ends at once, and what is being sealed is waited for', async () => {
  const stop = new AbortController()
  const sealing = gate()
  let [seals, ended] = [0, false]
  const faulty = faultyStore(store, [{ on: 'put', key: /chunks/, times: 99, effect: { hang: true } }])
  const slow: SealPool = {
    ...repository.seals,
    seal: async (...args) => {
      seals += 1
      if (seals > 2) await sealing.opened
      return repository.seals.seal(...args)
    },
  }
  const intake = await intakeOf(Readable.from(inPieces(long, 65_536), { objectMode: false }))
  const writing = writeStream({ ...repository, store: faulty, seals: slow }, key, intake, {
    observer: null,
    signal: stop.signal,
  })
  const end = writing
    .catch(thrown => thrown)
    .finally(() => {
      ended = true
    })
  await until(() => seals > 2 && faulty.calls.filter(one => one.operation === 'put').length === 2)
  stop.abort(new Failure('interrupted', 'stop'))
  await until(() => intake.input.destroyed)
  // The sealing threads still write into the memory of this stream: it would be the next one's by now.
  await pause(50)
  expect(ended).toBe(false)
  sealing.open()
  expect(await end).toMatchObject({ code: 'interrupted' })
})

test('the last put, after the stream has ended: it rejects', async () => {
  const last = noise(HEAD_BYTES + 3000, 1)
  const intake = await intakeOf(Readable.from([last], { objectMode: false }))
  const full: Store = {
    ...store,
    put: async () => {
      await until(() => intake.input.destroyed)
      throw new Failure('store-full', 'no room')
    },
  }
  const writing = writeStream({ ...repository, store: full }, key, intake, {
    observer: null,
    signal: never,
  })
  await expect(writing).rejects.toMatchObject({ code: 'store-full' })
})

test('a chunk that cannot be sealed, after the stream has ended: it rejects', async () => {
  const intake = await intakeOf(Readable.from([noise(HEAD_BYTES + 3000, 1)], { objectMode: false }))
  const broken: SealPool = {
    ...repository.seals,
    seal: async () => {
      await until(() => intake.sawEnd)
      throw new Failure('unexpected', 'a thread ended in the middle of its task')
    },
  }
  const writing = writeStream({ ...repository, seals: broken }, key, intake, {
    observer: null,
    signal: never,
  })
  await expect(writing).rejects.toMatchObject({ code: 'unexpected' })
})
