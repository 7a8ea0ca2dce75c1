// A stream as zstd frames that each stand alone: stock zstd reads them as one, and one of them can be read without the others.
import { Readable } from 'node:stream'
import { DecompressStream } from 'zstd-napi'
import { Failure } from '../domain/errors.js'
import { inPieces } from './pieces.js'
import type { SealPool } from './pool.js'

/** Of the stream, in each frame. A document is fetched by a frame or two; more would compress a little better. */
export const FRAME_BYTES = 512 * 1024
/** Compressed beside each other, in order; as many are held in memory twice. */
const AHEAD = 3

/** @param options.onFrame told the stored length of each frame, in order. */
export async function* compressFrames(
  stream: AsyncIterable<Uint8Array>,
  seals: SealPool,
  options: { level: number; signal: AbortSignal; onFrame(storedBytes: number): void | Promise<void> },
): AsyncGenerator<Uint8Array> {
  const { level, signal, onFrame } = options
  const ahead: Promise<Uint8Array>[] = []
  const take = async (): Promise<Uint8Array> => {
    const frame = (await ahead.shift()) as Uint8Array
    await onFrame(frame.length)
    return frame
  }
  for await (const { bytes } of inPieces(stream, FRAME_BYTES)) {
    // The piece is only good until the next one is asked for; the thread gets a buffer of its own.
    const frame = seals.compress({ raw: bytes.slice(), level }, signal)
    // One that fails ahead of its turn is told when its turn comes.
    frame.catch(() => {})
    ahead.push(frame)
    if (ahead.length >= AHEAD) yield await take()
  }
  while (ahead.length > 0) yield await take()
}

/** The stream behind the frames. @throws Failure object-corrupt, and whatever the source throws. */
export async function* decompressFrames(frames: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = Readable.from(frames, { objectMode: false })
  let broken: unknown = null
  source.once('error', reason => {
    broken = reason
    decompressor.destroy(reason)
  })
  const decompressor = source.pipe(new DecompressStream())
  try {
    for await (const part of decompressor) yield part as Uint8Array
  } catch (cause) {
    throw broken ?? new Failure('object-corrupt', 'the zstd frames do not verify', { cause })
  } finally {
    source.destroy()
  }
}
