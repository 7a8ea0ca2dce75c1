// Feeds an archive to the reader in pieces, and names what it threw.
import { Failure } from '../../src/domain/errors.js'
import { type ArchiveFacts, ArchiveReader } from '../../src/postgres/archive/reader.js'

/** The facts of a stream split at these sizes, over and over; the last piece is what is left. */
export function readPieces(bytes: Uint8Array, sizes: readonly number[]): ArchiveFacts {
  const reader = new ArchiveReader()
  // One buffer for every piece: the reader must not keep a view of it.
  const shared = Buffer.alloc(Math.max(...sizes))
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const piece = bytes.subarray(at, at + (sizes[n % sizes.length] ?? 1))
    shared.fill(0xee)
    shared.set(piece)
    reader.push(shared.subarray(0, piece.length))
    at += piece.length
  }
  shared.fill(0xee)
  return reader.end()
}

export const readWhole = (bytes: Uint8Array): ArchiveFacts => readPieces(bytes, [bytes.length || 1])

/** The failure that reading these bytes ends in. */
export function failureOf(bytes: Uint8Array): Failure {
  try {
    readWhole(bytes)
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown
    throw thrown
  }
  throw new Error('the archive was accepted')
}
