// Seals bytes into an age v1 file that any of the recipients opens, with us or with the stock `age`.
// age-encryption writes the header; the payload is sealed by node:crypto, five times faster.
// Source: https://c2sp.org/age
import { randomBytes } from 'node:crypto'
import { Encrypter } from 'age-encryption'
import { Failure } from '../domain/errors.js'
import { recipientBytes } from './age-keys.js'
import { NONCE_BYTES, PLAIN_PIECE_BYTES, payloadKey, sealedBytes, sealPayload, sealPiece } from './payload.js'
import { inPieces } from './pieces.js'
import { wrapFileKey } from './x25519.js'

/** What an empty file has after its header: the nonce and the tag of one empty piece. */
const EMPTY_PAYLOAD_BYTES = NONCE_BYTES + sealedBytes(0)

/**
 * The whole plaintext as one age file, in a buffer of its own.
 * @throws Failure key-invalid for a bad recipient, key-missing for none.
 */
export async function sealFile(
  plain: Uint8Array,
  recipients: readonly string[],
): Promise<Uint8Array<ArrayBuffer>> {
  const { header, fileKey } = await newHeader(recipients)
  const nonce = randomBytes(NONCE_BYTES)
  const file = new Uint8Array(header.length + NONCE_BYTES + sealedBytes(plain.length))
  file.set(header)
  file.set(nonce, header.length)
  sealPayload(payloadKey(fileKey, nonce), plain, file.subarray(header.length + NONCE_BYTES))
  return file
}

/** The same for a stream of any length, in constant memory: `pipeline(source, plain => sealStream(plain, recipients), sink)`. */
export async function* sealStream(
  plain: AsyncIterable<Uint8Array>,
  recipients: readonly string[],
): AsyncGenerator<Uint8Array> {
  const { header, fileKey } = await newHeader(recipients)
  const nonce = randomBytes(NONCE_BYTES)
  const key = payloadKey(fileKey, nonce)
  yield header
  yield nonce
  let index = 0
  for await (const { bytes, last } of inPieces(plain, PLAIN_PIECE_BYTES)) {
    const { body, tag } = sealPiece(key, index++, last, bytes)
    yield body
    yield tag
  }
}

/** A header with its MAC, and the file key in it: taken from an empty file, whose payload is thrown away. */
async function newHeader(
  recipients: readonly string[],
): Promise<{ header: Uint8Array; fileKey: Uint8Array }> {
  const publicKeys = recipients.map(recipientBytes)
  if (publicKeys.length === 0) throw new Failure('key-missing', 'there is no recipient to seal for')
  let captured = new Uint8Array()
  const encrypter = new Encrypter()
  encrypter.addRecipient({
    wrapFileKey: fileKey => {
      captured = fileKey.slice()
      return publicKeys.map(publicKey => wrapFileKey(fileKey, publicKey))
    },
  })
  const empty = await encrypter.encrypt(new Uint8Array())
  return { header: empty.subarray(0, empty.length - EMPTY_PAYLOAD_BYTES), fileKey: captured }
}
