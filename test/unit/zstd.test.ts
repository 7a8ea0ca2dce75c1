import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compress, decompress } from '../../src/seal/zstd.js'

const corrupt = expect.objectContaining({ code: 'object-corrupt' })
const text = Buffer.from('a row of an invoice, and another\n'.repeat(200))

test('any bytes come back at any level', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 1, max: 19 }), (raw, level) => {
      expect(Buffer.from(decompress(compress(raw, level), raw.length))).toEqual(Buffer.from(raw))
    }),
  )
  const chunk = randomBytes(4 * 1024 * 1024)
  expect(chunk.equals(decompress(compress(chunk), chunk.length))).toBe(true)
})

test('rows full of ids take no more room than by the stock program at the same level', () => {
  const rows = Array.from({ length: 8000 }, (_, n) => {
    const id = createHash('sha256').update(`${n}`).digest('hex')
    return `${n}\t${id.slice(0, 32)}\t2026-11-${10 + (n % 20)} 0${n % 10}:00:00+00\tinvoice ${n % 97} of ${id.slice(0, 4)}\n`
  })
  const raw = Buffer.from(rows.join(''))
  expect(compress(raw).length).toBeLessThanOrEqual(execFileSync('zstd', ['-3c'], { input: raw }).length)
})

test('a result stays what it was when the compressor works on', () => {
  const first = compress(text)
  const before = Buffer.from(first)
  compress(randomBytes(3000))
  compress(text.subarray(7))
  expect(before.equals(first)).toBe(true)
})

test('the stock program reads a frame, and finds its length and checksum', () => {
  expect(execFileSync('zstd', ['-dc'], { input: compress(text) }).equals(text)).toBe(true)
  const descriptor = compress(text)[4]!
  expect(descriptor & 0x04, 'checksum flag').toBe(0x04)
  expect(descriptor >> 6 || descriptor & 0x20, 'content size').toBeTruthy()
})

test('no flipped bit gives other bytes', () => {
  const frame = compress(text)
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const changed = Buffer.from(frame)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    let out: Uint8Array | null = null
    try {
      out = decompress(changed, text.length)
    } catch (error) {
      expect(error).toEqual(corrupt)
    }
    if (out) expect(text.equals(out), `bit ${bit}`).toBe(true)
  }
})

test('a frame cut short, added to, or empty is refused', () => {
  const frame = compress(text)
  for (let length = 0; length < frame.length; length++) {
    expect(() => decompress(frame.subarray(0, length), 1e6), `${length} bytes`).toThrow(corrupt)
  }
  expect(() => decompress(Buffer.concat([frame, Buffer.alloc(1)]), 1e6)).toThrow(corrupt)
  expect(() => decompress(Buffer.concat([frame, frame]), 1e6)).toThrow(corrupt)
})

test('a frame that holds more than allowed is refused before anything is allocated', () => {
  const bomb = execFileSync('zstd', ['-c', '--stream-size=67108864'], {
    input: Buffer.alloc(64 * 1024 * 1024),
    maxBuffer: 1e6,
  })
  const before = process.memoryUsage().arrayBuffers
  expect(() => decompress(bomb, 4 * 1024 * 1024)).toThrow(corrupt)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e6)
  expect(decompress(compress(text), text.length).length).toBe(text.length)
  expect(() => decompress(compress(text), text.length - 1)).toThrow(corrupt)
})

test('frames that compress does not write are refused', () => {
  const skippable = Buffer.from('502a4d1804000000deadbeef', 'hex')
  const noSize = execFileSync('zstd', ['-c'], { input: text })
  const noChecksum = execFileSync('zstd', ['-c', '--no-check', `--stream-size=${text.length}`], {
    input: text,
  })
  for (const frame of [skippable, noSize, noChecksum]) expect(() => decompress(frame, 1e6)).toThrow(corrupt)
})
