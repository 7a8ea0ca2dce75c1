// age's payload: a nonce, then the plaintext in 64 KiB pieces, each with its own tag, the last one marked.
// Nothing that was changed, cut short, reordered or added to comes out of it.
// Source: https://c2sp.org/age, "Payload".
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { Failure } from '../domain/errors.js'

export const NONCE_BYTES = 16
const CIPHER = 'chacha20-poly1305'
const TAG_BYTES = 16
export const PLAIN_PIECE_BYTES = 64 * 1024
export const SEALED_PIECE_BYTES = PLAIN_PIECE_BYTES + TAG_BYTES

/** The key of a payload's pieces, from the file key (16 bytes) and the payload's own nonce. */
export function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', fileKey, nonce, 'payload', 32))
}

/** Bytes of a payload without its nonce. An empty plaintext is one empty piece. */
export function sealedBytes(plainBytes: number): number {
  return plainBytes + TAG_BYTES * Math.max(1, Math.ceil(plainBytes / PLAIN_PIECE_BYTES))
}

/** Seals all of `plain` into `out`, which has exactly sealedBytes(plain.length). */
export function sealPayload(key: Uint8Array, plain: Uint8Array, out: Uint8Array): void {
  const pieces = Math.max(1, Math.ceil(plain.length / PLAIN_PIECE_BYTES))
  for (let index = 0; index < pieces; index++) {
    const piece = plain.subarray(index * PLAIN_PIECE_BYTES, (index + 1) * PLAIN_PIECE_BYTES)
    const { body, tag } = sealPiece(key, index, index === pieces - 1, piece)
    const at = index * SEALED_PIECE_BYTES
    out.set(body, at)
    out.set(tag, at + body.length)
  }
}

/** The plaintext of a payload without its nonce, in a buffer of its own. @throws Failure object-corrupt */
export function openPayload(key: Uint8Array, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const pieces = Math.max(1, Math.ceil(payload.length / SEALED_PIECE_BYTES))
  const lastBytes = payload.length - (pieces - 1) * SEALED_PIECE_BYTES
  if (lastBytes < TAG_BYTES) throw corrupt('is cut short')
  const out = new Uint8Array(payload.length - pieces * TAG_BYTES)
  for (let index = 0; index < pieces; index++) {
    const piece = payload.subarray(index * SEALED_PIECE_BYTES, (index + 1) * SEALED_PIECE_BYTES)
    out.set(openPiece(key, index, index === pieces - 1, piece), index * PLAIN_PIECE_BYTES)
  }
  return out
}

/** One piece of at most 64 KiB; `index` counts from 0. */
export function sealPiece(key: Uint8Array, index: number, last: boolean, plain: Uint8Array) {
  const cipher = createCipheriv(CIPHER, key, pieceNonce(index, last), { authTagLength: TAG_BYTES })
  const body = cipher.update(plain)
  cipher.final()
  return { body, tag: cipher.getAuthTag() }
}

/** @throws Failure object-corrupt unless this very piece was sealed at this place. */
export function openPiece(key: Uint8Array, index: number, last: boolean, piece: Uint8Array): Uint8Array {
  const bodyBytes = piece.length - TAG_BYTES
  if (bodyBytes < 0) throw corrupt('is cut short')
  if (bodyBytes === 0 && index > 0) throw corrupt('ends with an empty piece')
  const decipher = createDecipheriv(CIPHER, key, pieceNonce(index, last), { authTagLength: TAG_BYTES })
  decipher.setAuthTag(piece.subarray(bodyBytes))
  const plain = decipher.update(piece.subarray(0, bodyBytes))
  try {
    decipher.final()
  } catch (cause) {
    throw corrupt(`does not verify at piece ${index}: it was changed or cut short`, cause)
  }
  return plain
}

/** 11 bytes of big-endian counter, then 1 for the last piece. */
function pieceNonce(index: number, last: boolean): Uint8Array {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(index, 5, 6)
  nonce[11] = last ? 1 : 0
  return nonce
}

const corrupt = (what: string, cause?: unknown): Failure =>
  new Failure('object-corrupt', `the payload of an age file ${what}`, { cause, facts: { part: 'payload' } })
