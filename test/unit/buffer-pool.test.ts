// Buffers that are used again: nobody gets one that somebody has, each is large enough, and few wait.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BufferPool } from '../../src/sys/buffer-pool.js'

const MB = 1024 * 1024

const step = fc.oneof(fc.record({ take: fc.integer({ min: 1, max: 5 * MB }) }), fc.record({ give: fc.nat() }))

test('whatever is taken and given back, no buffer is out twice, and none is too small or far too large', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const pool = new BufferPool(8 * MB)
      const out = new Set<SharedArrayBuffer>()
      for (const one of steps) {
        if ('take' in one) {
          const buffer = pool.take(one.take)
          expect(out.has(buffer)).toBe(false)
          expect(buffer.byteLength).toBeGreaterThanOrEqual(one.take)
          expect(buffer.byteLength).toBeLessThan(2 * (one.take + 256 * 1024))
          out.add(buffer)
        } else if (out.size > 0) {
          const buffer = [...out][one.give % out.size]!
          out.delete(buffer)
          pool.give(buffer)
        }
      }
    }),
  )
})

test('one that was given back is taken again', () => {
  const pool = new BufferPool(8 * MB)
  const [small, large] = [pool.take(MB), pool.take(2 * MB)]
  pool.give(large)
  pool.give(small)
  expect([pool.take(MB - 1), pool.take(MB + 1)]).toEqual([small, large])
})

test('what waits is bounded: the oldest are let go', () => {
  const pool = new BufferPool(3 * MB)
  const buffers = Array.from({ length: 5 }, () => pool.take(MB))
  for (const buffer of buffers) pool.give(buffer)
  const again = Array.from({ length: 5 }, () => pool.take(MB))
  expect(again.map(one => buffers.indexOf(one))).toEqual([2, 3, 4, -1, -1])
})
