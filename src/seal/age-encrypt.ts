// Seals bytes into an age v1 file that any of the recipients opens, with us or with the stock `age`.
// All of it by node:crypto, several times faster than in JavaScript.
// Source: https://c2sp.org/age
import { randomBytes } from 'node:crypto'
import { Failure } from '../domain/errors.js'
import { newHeader } from './age-header.js'
import { recipientBytes } from './age-keys.js'
import { NONCE_BYTES, PLAIN_PIECE_BYTES, payloadKey, sealedBytes, sealPayload, sealPiece } from './payload.js'
import { inPieces } from './pieces.js'

/**
 * The whole plaintext as one age file, at the start of `room` where it fits in there, else in a buffer of its own.
 * @throws Failure key-invalid for a bad recipient, key-missing for none.
 */
export async function sealFile(
  plain: Uint8Array,
  recipients: readonly string[],
  room?: SharedArrayBuffer,
): Promise<Uint8Array> {
  const { header, fileKey } = headerFor(recipients)
  const nonce = randomBytes(NONCE_BYTES)
  const bytes = header.length + NONCE_BYTES + sealedBytes(plain.length)
  const file = room && room.byteLength >= bytes ? new Uint8Array(room, 0, bytes) : new Uint8Array(bytes)
  file.set(header)
  file.set(nonce, header.length)
  sealPayload(payloadKey(fileKey, nonce), plain, file.subarray(header.length + NONCE_BYTES))
  return file
}

/** The same for a stream of any length, in constant memory: `pipeline(source, plain => sealStream(plain, recipients), sink)`. */
export async function* sealStream(
  plain: AsyncIterable<Uint8Array>,
  recipients: readonly string[],
  /** Told, before the first byte, where the payload's pieces start in the file. */
  onPayload: (at: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  const { header, fileKey } = headerFor(recipients)
  const nonce = randomBytes(NONCE_BYTES)
  const key = payloadKey(fileKey, nonce)
  onPayload(header.length + NONCE_BYTES)
  yield header
  yield nonce
  let index = 0
  for await (const { bytes, last } of inPieces(plain, PLAIN_PIECE_BYTES)) {
    const { body, tag } = sealPiece(key, index++, last, bytes)
    yield body
    yield tag
  }
}

function headerFor(recipients: readonly string[]): { header: Uint8Array; fileKey: Uint8Array } {
  if (recipients.length === 0) throw new Failure('key-missing', 'there is no recipient to seal for')
  return newHeader(recipients.map(recipientBytes))
}
