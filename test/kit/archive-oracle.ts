// What a table's facts must be, computed the slow and obvious way from its whole COPY text.
// Shares nothing with the kernel: BigInt arithmetic, one byte after the other.
import { createHash } from 'node:crypto'

const M = (1n << 64n) - 1n
const rotl = (x: bigint, r: bigint) => ((x << r) | (x >> (64n - r))) & M

function word(bytes: Uint8Array, from: number, to: number): bigint {
  let value = 0n
  for (let at = to - 1; at >= from; at--) value = (value << 8n) | BigInt(bytes[at] ?? 0)
  return value
}

function finalMix(k: bigint): bigint {
  k = ((k ^ (k >> 33n)) * 0xff51afd7ed558ccdn) & M
  k = ((k ^ (k >> 33n)) * 0xc4ceb9fe1a85ec53n) & M
  return k ^ (k >> 33n)
}

/** MurmurHash3_x64_128 after its reference, github.com/aappleby/smhasher. */
export function murmur3(bytes: Uint8Array, seed = 0n): [bigint, bigint] {
  const c1 = 0x87c37b91114253d5n
  const c2 = 0x4cf5ad432745937fn
  const mix1 = (k: bigint) => (rotl((k * c1) & M, 31n) * c2) & M
  const mix2 = (k: bigint) => (rotl((k * c2) & M, 33n) * c1) & M
  let [a, b] = [seed, seed]
  const blocks = bytes.length >> 4
  for (let n = 0; n < blocks; n++) {
    a ^= mix1(word(bytes, n * 16, n * 16 + 8))
    a = ((rotl(a, 27n) + b) * 5n + 0x52dce729n) & M
    b ^= mix2(word(bytes, n * 16 + 8, n * 16 + 16))
    b = ((rotl(b, 31n) + a) * 5n + 0x38495ab5n) & M
  }
  const tail = bytes.subarray(blocks * 16)
  if (tail.length > 8) b ^= mix2(word(tail, 8, tail.length))
  if (tail.length > 0) a ^= mix1(word(tail, 0, Math.min(8, tail.length)))
  a ^= BigInt(bytes.length)
  b ^= BigInt(bytes.length)
  a = (a + b) & M
  b = (b + a) & M
  a = finalMix(a)
  b = finalMix(b)
  a = (a + b) & M
  b = (b + a) & M
  return [a, b]
}

export const hex64 = (half: bigint): string => half.toString(16).padStart(16, '0')
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The facts of a COPY text whose every row ends in a newline. */
export function rowFacts(copyText: Uint8Array): {
  rows: number
  bytes: number
  digest: string
  sha256: string
} {
  let [rows, from, sumA, sumB] = [0, 0, 0n, 0n]
  for (let at = copyText.indexOf(10); at >= 0; at = copyText.indexOf(10, from)) {
    const [a, b] = murmur3(copyText.subarray(from, at))
    ;[sumA, sumB] = [(sumA + a) & M, (sumB + b) & M]
    rows++
    from = at + 1
  }
  return { rows, bytes: copyText.length, digest: hex64(sumA) + hex64(sumB), sha256: sha256(copyText) }
}

/** The facts of large objects in any order. */
export function objectFacts(objects: [oid: number, content: Uint8Array][]): {
  count: number
  bytes: number
  sha256: string
} {
  const records = [...objects]
    .sort(([a], [b]) => a - b)
    .map(([oid, content]) => {
      const head = oid.toString(16).padStart(16, '0') + content.length.toString(16).padStart(16, '0')
      return Buffer.from(head + sha256(content), 'hex')
    })
  const bytes = objects.reduce((sum, [, content]) => sum + content.length, 0)
  return { count: objects.length, bytes, sha256: sha256(Buffer.concat(records)) }
}
