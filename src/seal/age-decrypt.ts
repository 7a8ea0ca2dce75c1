// Opens age v1 files with X25519 identities: ours, and those of any other age program.
// Nothing comes out of a header that does not verify; a wrong key and a damaged file are told apart.
// Source: https://c2sp.org/age
import type { KeyObject } from 'node:crypto'
import type { Stanza } from 'age-encryption'
import { Failure } from '../domain/errors.js'
import { identityKey } from './age-keys.js'
import { NONCE_BYTES, openPayload, openPiece, payloadKey, SEALED_PIECE_BYTES } from './payload.js'
import { inPieces } from './pieces.js'
import { unwrapFileKey } from './x25519.js'

/** A header has a line or two a recipient; whatever goes on longer is no age file. */
const MAX_HEADER_BYTES = 64 * 1024

/**
 * The whole plaintext of an age file, in a buffer of its own.
 * @throws Failure key-wrong when no identity matches, object-corrupt when the file was changed, cut short or added to,
 * key-invalid for a bad identity.
 */
export async function openFile(
  file: Uint8Array,
  identities: readonly string[],
): Promise<Uint8Array<ArrayBuffer>> {
  const keys = identities.map(identityKey)
  const header = headerBytes(file)
  const payloadAt = (header ?? 0) + NONCE_BYTES
  if (header === null || file.length < payloadAt) throw notAge()
  const fileKey = await openHeader(file.subarray(0, header), keys)
  return openPayload(payloadKey(fileKey, file.subarray(header, payloadAt)), file.subarray(payloadAt))
}

/**
 * The key of a file's pieces from its beginning, header and nonce, for reading pieces without what is before them.
 * @throws Failure as openFile
 */
export async function openHead(head: Uint8Array, identities: readonly string[]): Promise<Uint8Array> {
  const keys = identities.map(identityKey)
  const header = headerBytes(head)
  if (header === null || head.length < header + NONCE_BYTES) throw notAge()
  const fileKey = await openHeader(head.subarray(0, header), keys)
  return payloadKey(fileKey, head.subarray(header, header + NONCE_BYTES))
}

/**
 * The same for a stream of any length, in constant memory. Every byte that comes out is verified, but only
 * the end without an error says that the file was whole.
 */
export async function* openStream(
  file: AsyncIterable<Uint8Array>,
  identities: readonly string[],
): AsyncGenerator<Uint8Array> {
  const keys = identities.map(identityKey)
  const parts = file[Symbol.asyncIterator]()
  try {
    const head = await readHead(parts)
    const fileKey = await openHeader(head.header, keys)
    const key = payloadKey(fileKey, head.nonce)
    let index = 0
    for await (const { bytes, last } of inPieces(following(head.rest, parts), SEALED_PIECE_BYTES)) {
      yield openPiece(key, index++, last, bytes)
    }
  } finally {
    await parts.return?.()
  }
}

/**
 * What parses a header takes 60 ms of CPU to load, which neither a command that opens nothing nor a thread that only seals
 * need spend: it is loaded at the first header. Who must not fail at it later loads it before.
 */
export const loadAge = () => import('age-encryption')

/** The file key of a header that verifies. */
async function openHeader(header: Uint8Array, identities: readonly KeyObject[]): Promise<Uint8Array> {
  let noMatch = false
  const { Decrypter } = await loadAge()
  const decrypter = new Decrypter()
  decrypter.addIdentity({
    unwrapFileKey: (stanzas: Stanza[]) => {
      const fileKey = unwrapFileKey(stanzas, identities)
      noMatch = fileKey === null
      return fileKey
    },
  })
  try {
    return await decrypter.decryptHeader(header)
  } catch (cause) {
    if (noMatch) {
      throw new Failure(
        'key-wrong',
        `an age file opens with none of the ${identities.length} identities given`,
      )
    }
    throw cause instanceof Failure ? cause : notAge(cause)
  }
}

/** Length of the header, its last line (`--- ` and the MAC) included; null when that line has not come. */
function headerBytes(file: Uint8Array): number | null {
  const text = Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, MAX_HEADER_BYTES))
  const macLine = text.indexOf('\n---')
  const end = macLine < 0 ? -1 : text.indexOf('\n', macLine + 1)
  return end < 0 ? null : end + 1
}

async function readHead(parts: AsyncIterator<Uint8Array>) {
  let read = Buffer.alloc(0)
  for (;;) {
    const header = headerBytes(read)
    if (header !== null && read.length >= header + NONCE_BYTES) {
      const payloadAt = header + NONCE_BYTES
      return {
        header: read.subarray(0, header),
        nonce: read.subarray(header, payloadAt),
        rest: read.subarray(payloadAt),
      }
    }
    const part =
      read.length < MAX_HEADER_BYTES + NONCE_BYTES
        ? await parts.next()
        : { done: true as const, value: undefined }
    if (part.done) throw notAge()
    read = Buffer.concat([read, part.value])
  }
}

async function* following(first: Uint8Array, parts: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  for (let part = await parts.next(); !part.done; part = await parts.next()) yield part.value
}

const notAge = (cause?: unknown): Failure =>
  new Failure('object-corrupt', 'the header of an age file is malformed, changed or cut short', {
    cause,
    facts: { part: 'header' },
  })
