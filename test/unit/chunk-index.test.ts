import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ChunkId, parseChunkId } from '../../src/domain/ids.js'
import { ChunkIndex, ChunkIndexBuilder } from '../../src/repository/chunk-index.js'

const idOf = (n: number): ChunkId => parseChunkId(createHash('sha256').update(String(n)).digest('hex'))
const listing = (numbers: Iterable<number>) =>
  [...numbers].map(n => ({ id: idOf(n), storedBytes: n + 1 })).sort((a, b) => (a.id < b.id ? -1 : 1))

test('it has exactly what the listing had, with its lengths, in every thread that shares its memory', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(300), { maxLength: 120 }), fc.nat(300), (numbers, other) => {
      const index = ChunkIndex.from(listing(numbers))
      const shared = new ChunkIndex(index.data)
      for (const one of [index, shared]) {
        expect(one.size).toBe(numbers.length)
        for (const n of [...numbers, other]) {
          const there = numbers.includes(n)
          expect(one.has(idOf(n))).toBe(there)
          expect(one.storedBytes(idOf(n))).toBe(there ? n + 1 : null)
        }
      }
    }),
  )
})

test('what is added counts from then on, for whoever added it', () => {
  const index = ChunkIndex.from(listing([1, 2]))
  const shared = new ChunkIndex(index.data)
  index.add(idOf(3), 30)
  expect([index.has(idOf(3)), index.storedBytes(idOf(3)), index.size]).toEqual([true, 30, 3])
  expect([shared.has(idOf(3)), shared.storedBytes(idOf(3)), shared.size]).toEqual([false, null, 2])
  expect(ChunkIndex.from([]).has(idOf(1))).toBe(false)
})

test('grows with a listing of any length, and finds every chunk at its place', () => {
  const ids = Array.from({ length: 3000 }, (_, at) => at.toString(16).padStart(64, '0') as ChunkId)
  const builder = new ChunkIndexBuilder()
  for (const [at, id] of ids.entries()) builder.add({ id, storedBytes: at + 1 })
  const index = builder.build()
  expect(index.listed).toBe(3000)
  expect(ids.map(id => index.placeOf(id))).toEqual(ids.map((_, at) => at))
  expect(index.at(2047)).toEqual({ id: ids[2047], storedBytes: 2048 })
  expect(index.placeOf('f'.repeat(64) as ChunkId)).toBe(-1)
})
