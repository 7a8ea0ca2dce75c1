// The sealing threads: sealed and unsealed are inverses, damage comes back as a failure, and an abort harms nobody else.
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { asFailure } from '../../src/domain/errors.js'
import { generateIdentity } from '../../src/seal/age-keys.js'
import { chunkId } from '../../src/seal/digest.js'
import { createSealPool } from '../../src/seal/pool.js'
import { noise } from '../kit/noise.js'

const pool = createSealPool(2)
const { identity, recipient } = generateIdentity()
const chunkIdKey = new Uint8Array(32)
const raw = noise(1_000_000, 1)
const id = chunkId(chunkIdKey, raw)
const fresh = () => new Uint8Array(raw)
const seal = (signal?: AbortSignal) => pool.seal({ raw: fresh(), level: 3, recipient }, signal)
const unseal = (file: Uint8Array, signal?: AbortSignal) =>
  pool.unseal({ file: new Uint8Array(file), identity, chunkIdKey, id, bytes: raw.length }, signal)

afterAll(() => pool.close())

test('what was sealed is unsealed, and a view into a larger buffer is left as it was', async () => {
  const sealed = await seal()
  const larger = Buffer.concat([Buffer.from('before'), sealed, Buffer.from('after')])
  const view = larger.subarray(6, 6 + sealed.length)
  const task = { file: view, identity, chunkIdKey, id, bytes: raw.length }
  expect(raw.equals(await pool.unseal(task))).toBe(true)
  expect(larger.subarray(0, 6).toString()).toBe('before')
})

test('each way a chunk can be other than it says is a failure by name', async () => {
  const sealed = await seal()
  const task = { file: sealed, identity, chunkIdKey, id, bytes: raw.length }
  const codeOf = (other: object): Promise<string> =>
    pool.unseal({ ...task, file: new Uint8Array(sealed), ...other }).then(
      () => 'unsealed',
      thrown => asFailure(thrown).code,
    )
  expect(await codeOf({})).toBe('unsealed')
  expect(await codeOf({ bytes: raw.length - 1 })).toBe('object-corrupt')
  expect(await codeOf({ bytes: raw.length + 1 })).toBe('object-corrupt')
  expect(await codeOf({ id: chunkId(chunkIdKey, noise(10, 1)) })).toBe('object-corrupt')
  expect(await codeOf({ chunkIdKey: new Uint8Array(32).fill(1) })).toBe('object-corrupt')
  expect(await codeOf({ identity: generateIdentity().identity })).toBe('key-wrong')
  expect(await codeOf({ file: new Uint8Array(0) })).toBe('object-corrupt')
})

test('an abort ends its own tasks with its reason; the threads go on with the others, and nothing is thrown aside', async () => {
  const thrown: unknown[] = []
  const note = (error: unknown) => void thrown.push(error)
  process.prependListener('uncaughtException', note)
  const sealed = await seal()
  for (let round = 0; round < 30; round++) {
    const controller = new AbortController()
    const doomed = Array.from({ length: 4 }, (_, n) =>
      n % 2 ? unseal(sealed, controller.signal) : seal(controller.signal),
    )
    const ends = Promise.allSettled(doomed)
    const other = unseal(sealed)
    await pause(round % 10)
    controller.abort()
    for (const end of await ends)
      if (end.status === 'rejected') expect(asFailure(end.reason).code).toBe('interrupted')
    expect(raw.equals(await other)).toBe(true)
  }
  await expect(seal(AbortSignal.abort())).rejects.toMatchObject({ code: 'interrupted' })
  await pause(50)
  process.off('uncaughtException', note)
  expect(thrown).toEqual([])
})

test('closing waits for what the threads are at', async () => {
  const other = createSealPool(1)
  const sealing = other.seal({ raw: fresh(), level: 3, recipient })
  await other.close()
  expect((await sealing).length).toBeGreaterThan(1000)
})
