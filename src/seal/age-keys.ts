// age's X25519 keys as text: made, checked, and read from identity files.
// No identity is ever part of an error.
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto'
import { Failure } from '../domain/errors.js'
import { decodeBech32, encodeBech32 } from './bech32.js'

const IDENTITY_PREFIX = 'age-secret-key-'
const RECIPIENT_PREFIX = 'age'
const KEY_BYTES = 32
/** A new key pair: the secret `AGE-SECRET-KEY-1…` and its public `age1…`. */
export function generateIdentity(): { identity: string; recipient: string } {
  const identity = encodeBech32(IDENTITY_PREFIX, randomBytes(KEY_BYTES)).toUpperCase()
  return { identity, recipient: recipientOf(identity) }
}

/** The recipient that `identity` opens. @throws Failure key-invalid */
export function recipientOf(identity: string): string {
  return encodeBech32(RECIPIENT_PREFIX, publicBytes(identityKey(identity)))
}

/**
 * The identities of an age identity file, one a line; empty lines and those that start with `#` are passed over.
 * @throws Failure key-invalid with the number of the first bad line, or when there is no identity at all.
 */
export function parseIdentityFile(text: string): string[] {
  const identities: string[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    if (decodeKey(line, IDENTITY_PREFIX) === null || line !== line.toUpperCase()) {
      throw new Failure('key-invalid', `line ${index + 1} of an identity file is not an age identity`)
    }
    identities.push(line)
  }
  if (identities.length === 0) throw new Failure('key-invalid', 'an identity file holds no identity')
  return identities
}

/** The private key of an identity. @throws Failure key-invalid unless it is `AGE-SECRET-KEY-1…` in upper case. */
export const identityKey = (identity: string): KeyObject => privateKeyOf(identityBytes(identity))

/**
 * A private key of 32 bytes, as node:crypto takes it. As a JWK: from DER it takes OpenSSL 3.0 ten times as long. A JWK must
 * name its public half `x`, but node computes it anew from the private one and looks at no value that is given.
 */
export function privateKeyOf(scalar: Uint8Array): KeyObject {
  const d = Buffer.from(scalar).toString('base64url')
  return createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', x: '', d }, format: 'jwk' })
}

/** The 32 bytes of a recipient's public key. @throws Failure key-invalid unless it is `age1…` in lower case. */
export function recipientBytes(recipient: string): Uint8Array {
  const bytes = recipient === recipient.toLowerCase() ? decodeKey(recipient, RECIPIENT_PREFIX) : null
  if (bytes === null) throw new Failure('key-invalid', `not an age recipient: ${shown(recipient)}`)
  return bytes
}

/** The 32 bytes of the public half of a private or public key. */
export function publicBytes(key: KeyObject): Uint8Array {
  const half = key.type === 'private' ? createPublicKey(key) : key
  return Buffer.from(half.export({ format: 'jwk' }).x ?? '', 'base64url')
}

function identityBytes(identity: string): Uint8Array {
  const bytes = identity === identity.toUpperCase() ? decodeKey(identity, IDENTITY_PREFIX) : null
  if (bytes === null) throw new Failure('key-invalid', 'not an age identity')
  return bytes
}

function decodeKey(text: string, prefix: string): Uint8Array | null {
  const decoded = decodeBech32(text)
  return decoded?.prefix === prefix && decoded.bytes.length === KEY_BYTES ? decoded.bytes : null
}

/** An identity given where a recipient belongs must not come back in the message. */
function shown(recipient: string): string {
  return /^age1/.test(recipient) ? recipient : 'it does not start with age1'
}
