// Small pieces handed on some at a time: one by one, each would cost more than what is done with it.

/**
 * The same pieces in the same order, so many together that their sizes come to `enough`; the last ones are fewer.
 * @param sizeOf in the unit of `enough`.
 */
export async function* gather<T>(
  pieces: AsyncIterable<T>,
  enough: number,
  sizeOf: (piece: T) => number,
): AsyncGenerator<T[]> {
  let held: T[] = []
  let size = 0
  for await (const piece of pieces) {
    held.push(piece)
    size += sizeOf(piece)
    if (size < enough) continue
    yield held
    held = []
    size = 0
  }
  if (held.length > 0) yield held
}
