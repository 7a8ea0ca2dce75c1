import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ChunkId, parseChunkId } from '../../src/domain/ids.js'
import { ChunkIndex } from '../../src/repository/chunk-index.js'

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
