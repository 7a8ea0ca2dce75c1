// Regroups a stream into pieces of one size, and knows the last one when it comes.
// Holds one piece.

/**
 * Pieces of exactly `pieceBytes`, the last one full or shorter, and empty only when the stream is.
 * A piece is good until the next one is asked for.
 */
export async function* inPieces(
  source: AsyncIterable<Uint8Array>,
  pieceBytes: number,
): AsyncGenerator<{ bytes: Uint8Array; last: boolean }> {
  const held = new Uint8Array(pieceBytes)
  let length = 0
  for await (const part of source) {
    let rest = part
    while (rest.length > 0) {
      if (length === pieceBytes) {
        yield { bytes: held, last: false }
        length = 0
      }
      const taken = rest.subarray(0, pieceBytes - length)
      held.set(taken, length)
      length += taken.length
      rest = rest.subarray(taken.length)
    }
  }
  yield { bytes: held.subarray(0, length), last: true }
}
