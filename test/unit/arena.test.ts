// Memory that is used again: no byte is out twice, all of it can be, and none is lost.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Arena, type Stretch } from '../../src/sys/arena.js'

const MB = 1024 * 1024
const step = fc.oneof(fc.record({ take: fc.integer({ min: 1, max: 5 * MB }) }), fc.record({ give: fc.nat() }))

test('whatever is taken and given back, stretches are as long as asked, lie in the memory and never over each other', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const memory = new SharedArrayBuffer(8 * MB)
      const arena = new Arena(memory)
      const out: Stretch[] = []
      for (const one of steps) {
        if ('give' in one) {
          const [stretch] = out.length > 0 ? out.splice(one.give % out.length, 1) : []
          if (stretch) arena.give(stretch)
          continue
        }
        const stretch = arena.take(one.take)
        if (!stretch) continue
        expect(stretch.buffer).toBe(memory)
        expect(stretch.length).toBe(one.take)
        for (const other of out) {
          const apart =
            stretch.byteOffset + stretch.length <= other.byteOffset ||
            other.byteOffset + other.length <= stretch.byteOffset
          expect(apart).toBe(true)
        }
        out.push(stretch)
      }
      for (const stretch of out) arena.give(stretch)
      expect(arena.take(8 * MB)).not.toBeNull()
    }),
  )
})

test('what does not fit is refused, and so is everything while all is out', () => {
  const arena = new Arena(new SharedArrayBuffer(MB))
  expect(arena.take(MB + 1)).toBeNull()
  const all = arena.take(MB)
  expect(arena.take(1)).toBeNull()
  arena.give(all!)
  expect(arena.take(1)?.byteOffset).toBe(0)
})
