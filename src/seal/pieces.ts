// Regroups a stream: into pieces of one size, where the last one is known when it comes, or into the lines of a text.
// Holds one piece, or one line.

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

/** The lines of a text in UTF-8, without their line breaks; what follows the last break is a line when it isn't empty. */
export async function* textLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let rest = ''
  for await (const part of source) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  rest += decoder.decode()
  if (rest !== '') yield rest
}
