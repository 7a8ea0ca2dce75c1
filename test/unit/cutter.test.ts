import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Cutter, type CutterParameters, DEFAULT_CUTTER, gearTable } from '../../src/seal/cutter.js'
import { noise } from '../kit/noise.js'

const KNOWN_CUTS = '1b1471528638a8e817c33c10b5da2c961677b7134b2eb16734a38aa82463ff0c'
const SMALL: CutterParameters = { minBytes: 64, averageBytes: 256, maxBytes: 1024 }
const sizes = fc
  .tuple(
    fc.integer({ min: 64, max: 300 }),
    fc.integer({ min: 1, max: 700 }),
    fc.integer({ min: 1, max: 2000 }),
  )
  .map(([minBytes, more, rest]) => ({
    minBytes,
    averageBytes: minBytes + more,
    maxBytes: minBytes + more + rest,
  }))

/** gear1 as docs/format.md has it, written for reading: where each chunk ends. */
function referenceCuts(bytes: Uint8Array, { minBytes, averageBytes, maxBytes }: CutterParameters): number[] {
  const table = Array.from({ length: 256 }, (_, i) =>
    BigInt(`0x${createHash('sha256').update(`gmah-backup gear1 ${i}`).digest('hex').slice(0, 16)}`),
  )
  const turning = averageBytes - Math.floor((averageBytes - minBytes) / 4)
  const cuts: number[] = []
  let start = 0
  let hash = 0n
  for (let at = 0; at < bytes.length; at++) {
    hash = BigInt.asUintN(64, (hash << 1n) + table[bytes[at]!]!)
    const length = at + 1 - start
    const bound = 2n ** (length < turning ? 62n : 66n) / BigInt(averageBytes)
    if ((length >= minBytes && hash < bound) || length === maxBytes || at === bytes.length - 1) {
      cuts.push(at + 1)
      start = at + 1
    }
  }
  return cuts
}

/** Copies: a chunk is good only until the next one is asked for. */
const pushed = (cutter: Cutter, bytes: Uint8Array): Uint8Array[] =>
  Array.from(cutter.push(bytes), chunk => new Uint8Array(chunk))

/** Cuts `bytes`, fed in pieces of the sizes given, round and round. */
function cut(bytes: Uint8Array, parameters: CutterParameters, pieces: readonly number[] = [bytes.length]) {
  const cutter = new Cutter(parameters)
  const chunks: Uint8Array[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = Math.max(1, pieces[turn % pieces.length]!)
    chunks.push(...pushed(cutter, bytes.subarray(at, at + size)))
    at += size
  }
  const last = cutter.end()
  if (last) chunks.push(last)
  return chunks
}

const ends = (chunks: readonly Uint8Array[]) => {
  let at = 0
  return chunks.map(chunk => (at += chunk.length))
}

const content = fc
  .tuple(fc.nat(), fc.integer({ min: 0, max: 20_000 }))
  .map(([seed, length]) => noise(length, seed))

test('it cuts as specified, whatever the sizes and the pieces, and loses nothing', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(content, sizes, pieces, (bytes, parameters, split) => {
      const chunks = cut(bytes, parameters, split)
      expect(ends(chunks)).toEqual(referenceCuts(bytes, parameters))
      expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
    }),
    { numRuns: 300 },
  )
})

test('bytes that are all alike, or repeat, are cut as specified too', () => {
  for (const bytes of [
    new Uint8Array(5000),
    new Uint8Array(5000).fill(255),
    Buffer.from('\\N\t'.repeat(3000)),
  ]) {
    expect(ends(cut(bytes, SMALL, [100]))).toEqual(referenceCuts(bytes, SMALL))
  }
})

test('the cuts of a known input never change: stored chunks depend on it', () => {
  const chunks = cut(noise(64 * 1024 * 1024, 1), DEFAULT_CUTTER, [256 * 1024])
  expect(createHash('sha256').update(ends(chunks).join()).digest('hex')).toBe(KNOWN_CUTS)
  expect([gearTable()[0], gearTable()[255]]).toEqual([0x8684278de9ffc58cn, 0xd935d7ba0b53dc06n])
})

test('every chunk but the last is between min and max; the sizes gather round the average', () => {
  const { minBytes, averageBytes, maxBytes } = DEFAULT_CUTTER
  const lengths = cut(noise(256 * 1024 * 1024, 7), DEFAULT_CUTTER, [256 * 1024]).map(chunk => chunk.length)
  const whole = lengths.slice(0, -1)
  expect(Math.min(...whole)).toBeGreaterThanOrEqual(minBytes)
  expect(Math.max(...whole)).toBeLessThanOrEqual(maxBytes)
  const mean = whole.reduce((sum, length) => sum + length, 0) / whole.length
  expect(Math.abs(mean / averageBytes - 1)).toBeLessThan(0.25)
  expect(whole.filter(length => length === maxBytes).length / whole.length).toBeLessThan(0.01)
  expect(new Set(whole).size).toBeGreaterThan(whole.length * 0.95)
})

test('a change of a few bytes changes few chunks', () => {
  const edit = fc.record({
    at: fc.integer({ min: 0, max: 100_000 }),
    removed: fc.integer({ min: 0, max: 100 }),
    added: fc.integer({ min: 0, max: 100 }),
  })
  fc.assert(
    fc.property(fc.nat(), edit, (seed, { at, removed, added }) => {
      const before = noise(100_000, seed)
      const after = Buffer.concat([
        before.subarray(0, at),
        noise(added, seed + 1),
        before.subarray(at + removed),
      ])
      const known = new Set(cut(before, SMALL).map(chunk => Buffer.from(chunk).toString('base64')))
      const fresh = cut(after, SMALL).filter(chunk => !known.has(Buffer.from(chunk).toString('base64')))
      expect(fresh.length).toBeLessThanOrEqual(30)
    }),
    { numRuns: 100 },
  )
})

test('a chunk is whole while it is looked at, and costs no memory of its own', () => {
  const cutter = new Cutter(SMALL)
  const bytes = noise(5000, 3)
  let at = 0
  const buffers = new Set<ArrayBufferLike>()
  for (const chunk of cutter.push(bytes)) {
    expect(Buffer.from(chunk).equals(bytes.subarray(at, at + chunk.length))).toBe(true)
    buffers.add(chunk.buffer)
    at += chunk.length
  }
  expect(Buffer.from(cutter.end()!).equals(bytes.subarray(at))).toBe(true)
  expect(buffers.size).toBe(1)
})

test('two cutters at once do not disturb each other, and one serves several streams', () => {
  const [one, two] = [noise(9000, 4), noise(9000, 5)]
  const [first, second] = [new Cutter(SMALL), new Cutter(SMALL)]
  const chunks: [Uint8Array[], Uint8Array[]] = [[], []]
  for (let at = 0; at < 9000; at += 37) {
    chunks[0].push(...pushed(first, one.subarray(at, at + 37)))
    chunks[1].push(...pushed(second, two.subarray(at, at + 37)))
  }
  chunks[0].push(first.end()!)
  chunks[1].push(second.end()!)
  expect(ends(chunks[0])).toEqual(referenceCuts(one, SMALL))
  expect(ends(chunks[1])).toEqual(referenceCuts(two, SMALL))
  expect(first.end()).toBeNull()
  expect(ends([...pushed(first, two), first.end()!])).toEqual(referenceCuts(two, SMALL))
})

test('sizes up to 64 MiB work, and senseless ones are refused', () => {
  const large = { minBytes: 16 * 1024 * 1024, averageBytes: 32 * 1024 * 1024, maxBytes: 33 * 1024 * 1024 }
  const bytes = noise(40 * 1024 * 1024, 6)
  expect(Buffer.concat(cut(bytes, large, [1024 * 1024])).equals(bytes)).toBe(true)
  for (const bad of [
    { ...SMALL, minBytes: 63 },
    { ...SMALL, averageBytes: 64 },
    { ...SMALL, maxBytes: 256 },
    { ...SMALL, averageBytes: 256.5 },
    { ...SMALL, maxBytes: 65 * 1024 * 1024 },
    { ...SMALL, minBytes: Number.NaN },
  ]) {
    expect(() => new Cutter(bad)).toThrow(expect.objectContaining({ code: 'config-invalid' }))
  }
})
