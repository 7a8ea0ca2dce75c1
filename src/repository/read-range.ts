// A part of a backup's stream: only the chunks that hold it are fetched, some ahead, each checked against its id.
import { Failure } from '../domain/errors.js'
import type { Manifest } from '../domain/manifest.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { expectManyListeners } from '../sys/interruption.js'
import { type ReadOptions, readChunk } from './read-stream.js'
import type { Repository } from './repository.js'

/**
 * The bytes from `from` up to `to`, in pieces. Whoever stops early stops the fetching.
 * @throws Failure object-missing or object-corrupt; no SHA-256 is held against a part: each chunk's own id is.
 */
export async function* readRange(
  repository: Repository,
  key: TenantKey,
  manifest: Manifest,
  { from, to }: { from: number; to: number },
  options: ReadOptions,
): AsyncGenerator<Uint8Array> {
  const head = Buffer.from(manifest.stream.head, 'base64')
  if (from < head.length) yield head.subarray(from, to)
  const wanted = placedChunks(manifest).filter(({ at, chunk }) => at < to && at + chunk.bytes > from)
  const left = new AbortController()
  const signal = AbortSignal.any([options.signal, left.signal])
  expectManyListeners(signal)
  const ahead: Promise<Uint8Array>[] = []
  let next = 0
  const fetchOne = () => {
    const one = wanted[next]
    next += 1
    if (!one) return
    const fetched = readChunk(repository, key, manifest, one.chunk, signal)
    fetched.catch(() => {})
    ahead.push(fetched)
  }
  try {
    while (next < Math.min(repository.transfers, wanted.length)) fetchOne()
    for (const { at } of wanted) {
      const bytes = await (ahead.shift() as Promise<Uint8Array>)
      fetchOne()
      options.onBytes?.(bytes.length)
      yield bytes.subarray(Math.max(0, from - at), Math.min(bytes.length, to - at))
    }
  } finally {
    left.abort(new Failure('interrupted', 'the stream is not read any further'))
  }
}

/** Each chunk with where it begins in the stream; the head, which is in none, comes before. */
export function placedChunks({ stream, chunks }: Pick<Manifest, 'stream' | 'chunks'>) {
  let at = Buffer.from(stream.head, 'base64').length
  return chunks.map(chunk => {
    const one = { chunk, at }
    at += chunk.bytes
    return one
  })
}
