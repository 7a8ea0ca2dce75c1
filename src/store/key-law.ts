// What a key may look like, and the order of keys: the same for every driver, so that a store can be moved to any other.
import { Failure } from '../domain/errors.js'

/** S3's limit on a key, in bytes of UTF-8. */
const KEY_BYTES_MAX = 1024
/** File systems' usual limit on one name, in bytes. */
const SEGMENT_BYTES_MAX = 255
/** Names that the directory driver keeps for itself, at the top of its tree. */
export const PRIVATE_PREFIX = '.tmp-'

/**
 * 1 to 1024 bytes of well-formed unicode, in segments of 1 to 255 bytes split by `/`, none of them `.` or `..`,
 * no control characters, the first one not starting with `.tmp-`.
 * @throws Failure store-refused
 */
export function checkKey(key: string): void {
  const problem = keyProblem(key)
  if (problem) throw new Failure('store-refused', `not a key this program stores under: ${problem}`)
}

/**
 * The least that holds for a key that someone else chose, where it is only read: S3 takes any 1 to 1024 bytes of unicode.
 * @throws Failure store-refused
 */
export function checkAnyKey(key: string): void {
  if (key !== '' && key.isWellFormed() && Buffer.byteLength(key) <= KEY_BYTES_MAX) return
  throw new Failure('store-refused', 'not a key: it is empty, no valid unicode, or longer than 1024 bytes')
}

/** A prefix is empty or the beginning of a key; it need not end at a `/`. @throws Failure store-refused */
export function checkPrefix(prefix: string): void {
  if (prefix !== '') checkKey(prefix.endsWith('/') ? prefix.slice(0, -1) : `${prefix}_`)
}

function keyProblem(key: string): string | null {
  if (!key.isWellFormed()) return 'it is not valid unicode'
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) return `it is longer than ${KEY_BYTES_MAX} bytes`
  if (/\p{Cc}/u.test(key)) return `${JSON.stringify(key)} has control characters`
  if (key.startsWith(PRIVATE_PREFIX)) return `${key} starts with ${PRIVATE_PREFIX}`
  const bad = key
    .split('/')
    .find(one => one === '' || one === '.' || one === '..' || Buffer.byteLength(one) > SEGMENT_BYTES_MAX)
  if (bad === undefined) return null
  return `${JSON.stringify(key)} has a segment that is empty, "." or "..", or longer than ${SEGMENT_BYTES_MAX} bytes`
}

/** Orders strings as their UTF-8 bytes do, without encoding them (JavaScript's own order is that of UTF-16 units). */
export function byUtf8(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  for (let at = 0; at < shorter; at++) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

/** Surrogates stand for code points above U+FFFF, so they go after every other unit. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
