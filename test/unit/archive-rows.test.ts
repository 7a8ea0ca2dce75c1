// The row kernel: known MurmurHash3 vectors, and the slow oracle for any rows, frames and pieces.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex64, murmur3, rowFacts } from '../kit/archive-oracle.js'
import { readPieces, readWhole } from '../kit/archive-pieces.js'
import { SETTINGS, tableData, writeArchive } from '../kit/archive-writer.js'

const archiveOf = (chunks: Uint8Array[]) =>
  writeArchive({ minor: 15, entries: [...SETTINGS, tableData('t', chunks)] }).bytes

const factsOf = (chunks: Uint8Array[], sizes?: number[]) => {
  const bytes = archiveOf(chunks)
  const [table] = (sizes ? readPieces(bytes, sizes) : readWhole(bytes)).tables
  return { rows: table?.rows, bytes: table?.bytes, digest: table?.digest, sha256: table?.sha256 }
}

/** Published with github.com/spaolacci/murmur3, made by the reference implementation. */
const VECTORS: [string, string][] = [
  ['', '00000000000000000000000000000000'],
  ['hello', 'cbd8a7b341bd9b025b1e906a48ae1d19'],
  ['hello, world', '342fac623a5ebc8e4cdcbc079642414d'],
  ['19 Jan 2038 at 3:14:07 AM', 'b89e5988b737affc664fc2950231b2cb'],
  ['The quick brown fox jumps over the lazy dog.', 'cd99481f9ee902c9695da1a38987b6e7'],
]

/** Cuts a text at the given places, which may lie anywhere. */
function cut(text: Uint8Array, places: number[]): Uint8Array[] {
  const sorted = [...new Set(places.map(place => place % (text.length + 1)))].sort((a, b) => a - b)
  const chunks = [0, ...sorted].map((from, n) => text.subarray(from, sorted[n]))
  return chunks.filter(chunk => chunk.length > 0)
}

const row = fc
  .oneof(
    { weight: 6, arbitrary: fc.uint8Array({ maxLength: 70 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('\\N', '\\\\.', '\\', '.', '..', '\\.x', '', 'a\tb\tc').map(Buffer.from),
    },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 200, maxLength: 3000 }) },
  )
  .map(bytes => Buffer.from(bytes).map(byte => (byte === 10 ? 11 : byte)))
  .filter(bytes => !Buffer.from(bytes).equals(Buffer.from('\\.')))
const copyText = fc.array(row).map(rows => Buffer.concat(rows.flatMap(bytes => [bytes, Buffer.from('\n')])))

describe('the row digest', () => {
  it.each(VECTORS)('is MurmurHash3 x64 128 of %j', (text, digest) => {
    expect(factsOf([Buffer.from(`${text}\n`)])).toMatchObject({ rows: 1, digest })
    expect(murmur3(Buffer.from(text)).map(hex64).join('')).toBe(digest)
  })

  it('has an oracle that passes the reference verification (SMHasher, 0x6384BA69)', () => {
    const bytesOf = ([a, b]: [bigint, bigint]) => {
      const bytes = Buffer.alloc(16)
      bytes.writeBigUInt64LE(a, 0)
      bytes.writeBigUInt64LE(b, 8)
      return bytes
    }
    const keys = Buffer.from(Array.from({ length: 256 }, (_, n) => n))
    const hashes = Array.from(keys, n => bytesOf(murmur3(keys.subarray(0, n), BigInt(256 - n))))
    expect(bytesOf(murmur3(Buffer.concat(hashes))).readUInt32LE(0)).toBe(0x6384ba69)
  })

  it('agrees with the oracle at every row length around the block size', () => {
    for (let length = 0; length <= 70; length++) {
      const text = Buffer.from(
        `${String.fromCharCode(...Array.from({ length }, (_, n) => 0x21 + (n % 90)))}\n`,
      )
      expect(factsOf([text])).toEqual(rowFacts(text))
      expect(factsOf([text], [7])).toEqual(rowFacts(text))
    }
  })

  it('is of the rows, not of their order; the SHA-256 is of both', () => {
    const [one, two] = [Buffer.from('a\t1\n'), Buffer.from('b\t2\n')]
    expect(factsOf([one, two]).digest).toBe(factsOf([two, one]).digest)
    expect(factsOf([one, two]).sha256).not.toBe(factsOf([two, one]).sha256)
    expect(factsOf([one, one]).digest).not.toBe(factsOf([one]).digest)
  })

  it('agrees with the oracle for any rows, chunks and pieces', () => {
    const any = fc.tuple(
      copyText,
      fc.array(fc.nat()),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }),
    )
    fc.assert(
      fc.property(any, ([text, places, sizes]) => {
        expect(factsOf(cut(text, places), sizes)).toEqual(rowFacts(text))
      }),
      { numRuns: 300 },
    )
  })

  it('takes only a line of its own for the terminator', () => {
    for (const length of [1, 15, 16, 17, 32]) {
      const text = Buffer.from(`${'x'.repeat(length)}\\.\n\\.x\n`)
      expect(factsOf([text], [1])).toEqual(rowFacts(text))
    }
  })

  it('holds rows and pieces longer than the kernel’s window', () => {
    const long = Buffer.alloc(1_000_003, 'row without end ')
    const text = Buffer.concat([Buffer.from('x\n'), long, Buffer.from('\ny\n')])
    for (const chunks of [[text], cut(text, [5, 131_072, 131_073, 400_000])]) {
      expect(factsOf(chunks)).toEqual(rowFacts(text))
      expect(factsOf(chunks, [65_536, 13])).toEqual(rowFacts(text))
    }
  })
})
