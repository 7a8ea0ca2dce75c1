// Pieces that are looked at while they pass: counted, hashed, told.

/** The same pieces in the same order; each is shown to `look` before it is handed on. */
export async function* passing<T>(pieces: AsyncIterable<T>, look: (piece: T) => void): AsyncGenerator<T> {
  for await (const piece of pieces) {
    look(piece)
    yield piece
  }
}
