// age's X25519 recipient stanza: wraps a file key for a recipient, unwraps it with an identity.
// The curve runs in node:crypto, ten times faster than in JavaScript, and refuses low-order points.
// Source: https://c2sp.org/age, "The X25519 recipient type".
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import type { Stanza } from 'age-encryption'
import { Failure } from '../domain/errors.js'
import { privateKeyOf, publicBytes } from './age-keys.js'

const TYPE = 'X25519'
const INFO = 'age-encryption.org/v1/X25519'
const CIPHER = 'chacha20-poly1305'
const TAG_BYTES = 16
/** Each wrapping key is used once, so the specification fixes the nonce at zero. */
const NONCE = new Uint8Array(12)
const SHARE_BYTES = 32
const BODY_BYTES = 32

/** The stanza that lets the owner of `recipient` (32 bytes) have the file key. @throws Failure key-invalid for a low-order point. */
export function wrapFileKey(
  fileKey: Uint8Array,
  recipient: Uint8Array,
): { args: string[]; body: Uint8Array } {
  // Not generateKeyPairSync: node frees its job under the pair's own lock, and when garbage is collected while the pair is
  // being exported, that is a lock which this very thread holds. It then waits for itself for ever.
  const ephemeral = privateKeyOf(randomBytes(SHARE_BYTES))
  const share = publicBytes(ephemeral)
  let key: Uint8Array
  try {
    key = wrappingKey(ephemeral, recipient, share, recipient)
  } catch (cause) {
    throw new Failure('key-invalid', 'an age recipient is not a usable X25519 point', { cause })
  }
  const cipher = createCipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES })
  const sealed = [cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]
  const args = [TYPE, Buffer.from(share).toString('base64').replaceAll('=', '')]
  return { args, body: Buffer.concat(sealed) }
}

/**
 * The file key from the first stanza that one of the private keys opens; null when none does.
 * @throws Failure object-corrupt for a stanza that is not well formed, whoever it is for.
 */
export function unwrapFileKey(
  stanzas: readonly Stanza[],
  identities: readonly KeyObject[],
): Uint8Array | null {
  const shares = stanzas.filter(stanza => stanza.args[0] === TYPE).map(parseStanza)
  for (const identity of identities) {
    const own = publicBytes(identity)
    for (const { share, body } of shares) {
      const fileKey = unwrapOne(identity, own, share, body)
      if (fileKey !== null) return fileKey
    }
  }
  return null
}

function parseStanza(stanza: Stanza): { share: Uint8Array; body: Uint8Array } {
  const [, text = '', ...more] = stanza.args
  const share = Buffer.from(text, 'base64')
  const canonical = share.toString('base64').replaceAll('=', '') === text
  if (more.length > 0 || !canonical || share.length !== SHARE_BYTES || stanza.body.length !== BODY_BYTES) {
    throw malformed()
  }
  return { share, body: stanza.body }
}

function unwrapOne(identity: KeyObject, own: Uint8Array, share: Uint8Array, body: Uint8Array) {
  let key: Uint8Array
  try {
    key = wrappingKey(identity, share, share, own)
  } catch (cause) {
    throw malformed(cause)
  }
  const decipher = createDecipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES })
  decipher.setAuthTag(body.subarray(BODY_BYTES - TAG_BYTES))
  const fileKey = decipher.update(body.subarray(0, BODY_BYTES - TAG_BYTES))
  try {
    decipher.final()
  } catch {
    return null
  }
  return fileKey
}

/** Throws when the shared secret is all zeros. */
function wrappingKey(
  own: KeyObject,
  other: Uint8Array,
  share: Uint8Array,
  recipient: Uint8Array,
): Uint8Array {
  const secret = multiplied(own, other)
  return new Uint8Array(hkdfSync('sha256', secret, Buffer.concat([share, recipient]), INFO, 32))
}

/** The X25519 function (RFC 7748, section 5). Throws when the product is all zeros. */
function multiplied(privateKey: KeyObject, point: Uint8Array): Buffer {
  const x = Buffer.from(point).toString('base64url')
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' })
  return diffieHellman({ privateKey, publicKey })
}

const malformed = (cause?: unknown): Failure =>
  new Failure('object-corrupt', 'an X25519 stanza of an age file is malformed', {
    cause,
    facts: { part: 'header' },
  })
