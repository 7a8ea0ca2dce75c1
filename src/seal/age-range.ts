// Reads a stretch of an age file's plaintext without what is before it: the payload's pieces of 64 KiB each stand alone.
// Source: https://c2sp.org/age, "Payload".
import { openPiece, PLAIN_PIECE_BYTES, SEALED_PIECE_BYTES } from './payload.js'

export interface SealedFile {
  /** Key of the pieces (openHead). */
  key: Uint8Array
  /** Where they start, and how long the whole file is. */
  payloadAt: number
  fileBytes: number
  /** A stretch of the file, exactly as long as asked. */
  read(start: number, bytes: number): Promise<Uint8Array>
}

/** Of the plaintext: a few pieces are fetched at once, and memory is no more than that. */
const PIECES_AT_ONCE = 32

/** The plaintext from `start` on, `bytes` long. @throws Failure object-corrupt, and what `read` throws. */
export async function* openStretch(
  file: SealedFile,
  start: number,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  const { key, payloadAt, fileBytes } = file
  const lastPiece = Math.max(0, Math.ceil((fileBytes - payloadAt) / SEALED_PIECE_BYTES) - 1)
  const end = start + bytes
  const until = Math.ceil(end / PLAIN_PIECE_BYTES)
  for (let from = Math.floor(start / PLAIN_PIECE_BYTES); from < until; from += PIECES_AT_ONCE) {
    const to = Math.min(until, from + PIECES_AT_ONCE)
    const at = payloadAt + from * SEALED_PIECE_BYTES
    const sealed = await file.read(at, Math.min(fileBytes, payloadAt + to * SEALED_PIECE_BYTES) - at)
    for (let index = from; index < to; index++) {
      const offset = (index - from) * SEALED_PIECE_BYTES
      const piece = sealed.subarray(offset, offset + SEALED_PIECE_BYTES)
      const plain = openPiece(key, index, index === lastPiece, piece)
      const first = index * PLAIN_PIECE_BYTES
      yield plain.subarray(Math.max(0, start - first), Math.min(plain.length, end - first))
    }
  }
}
