// Bech32, the text form of age's keys: a prefix, the bytes in groups of five bits, a checksum of six characters.
// Decoding takes only what encoding makes: one case, the right checksum, zero padding.
// Source: https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki, without its limit of 90 characters, as age says.

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
const CHECKSUM_LENGTH = 6

/** `prefix` in lower case, `1`, data and checksum. */
export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  const groups = regroup(bytes, 8, 5, true) ?? []
  const sum = polymod([...expand(prefix), ...groups, 0, 0, 0, 0, 0, 0]) ^ 1
  for (let i = CHECKSUM_LENGTH - 1; i >= 0; i--) groups.push((sum >>> (5 * i)) & 31)
  return `${prefix}1${groups.map(group => ALPHABET[group]).join('')}`
}

/** The prefix in lower case and the bytes; null for anything that is not Bech32. */
export function decodeBech32(text: string): { prefix: string; bytes: Uint8Array } | null {
  const lower = text.toLowerCase()
  if (text !== lower && text !== text.toUpperCase()) return null
  const split = lower.lastIndexOf('1')
  const prefix = lower.slice(0, split)
  if (split < 1 || !/^[\x21-\x7e]+$/.test(prefix)) return null
  const groups = [...lower.slice(split + 1)].map(char => ALPHABET.indexOf(char))
  if (groups.length < CHECKSUM_LENGTH || groups.includes(-1)) return null
  if (polymod([...expand(prefix), ...groups]) !== 1) return null
  const bytes = regroup(groups.slice(0, -CHECKSUM_LENGTH), 5, 8, false)
  return bytes && { prefix, bytes: Uint8Array.from(bytes) }
}

function polymod(values: readonly number[]): number {
  let sum = 1
  for (const value of values) {
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ value
    for (const [bit, term] of GENERATOR.entries()) if ((top >>> bit) & 1) sum ^= term
  }
  return sum
}

function expand(prefix: string): number[] {
  const codes = [...prefix].map(char => char.charCodeAt(0))
  return [...codes.map(code => code >> 5), 0, ...codes.map(code => code & 31)]
}

/** Groups of `from` bits as groups of `to` bits; null when unpadded leftovers are too long or not zero. */
function regroup(values: Iterable<number>, from: number, to: number, pad: boolean): number[] | null {
  const out: number[] = []
  let held = 0
  let bits = 0
  for (const value of values) {
    held = ((held << from) | value) & 0xfff
    bits += from
    while (bits >= to) {
      bits -= to
      out.push((held >> bits) & ((1 << to) - 1))
    }
  }
  const rest = (held << (to - bits)) & ((1 << to) - 1)
  if (pad && bits > 0) out.push(rest)
  if (!pad && (bits >= from || rest !== 0)) return null
  return out
}
