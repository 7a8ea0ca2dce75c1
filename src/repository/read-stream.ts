// Gives a backup's stream back, chunk by chunk in order, each checked against its id, some fetched ahead.
import { Failure } from '../domain/errors.js'
import type { Manifest, ManifestChunk } from '../domain/manifest.js'
import { subjectName } from '../domain/subject.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { chunkKey } from '../store/keys.js'
import { expectManyListeners } from '../sys/interruption.js'
import type { Repository } from './repository.js'
import { fetchChunk } from './verify-chunk.js'

export interface ReadOptions {
  signal: AbortSignal
  onBytes?(bytes: number): void
}

/**
 * The plain stream of a backup: the pieces that its manifest lists, in that order, each of which was what its id and length say.
 * A consumer that sees the end has seen exactly what pg_dump wrote.
 * @throws Failure object-missing or object-corrupt, naming the chunk and the backup; key-wrong.
 */
export async function* readStream(
  repository: Repository,
  key: TenantKey,
  manifest: Manifest,
  options: ReadOptions,
): AsyncGenerator<Uint8Array> {
  const ahead: Promise<Uint8Array>[] = []
  const left = new AbortController()
  const signal = AbortSignal.any([options.signal, left.signal])
  expectManyListeners(signal)
  let next = 0
  const fetchOne = () => {
    const chunk = manifest.chunks[next]
    next += 1
    if (!chunk) return
    const fetched = readChunk(repository, key, manifest, chunk, signal)
    // A chunk fetched ahead may fail before its turn; the failure is raised when its turn comes.
    fetched.catch(() => {})
    ahead.push(fetched)
  }
  try {
    while (next < repository.transfers && next < manifest.chunks.length) fetchOne()
    yield Buffer.from(manifest.stream.head, 'base64')
    for (let turn = ahead.shift(); turn; turn = ahead.shift()) {
      const bytes = await turn
      fetchOne()
      options.onBytes?.(bytes.length)
      yield bytes
    }
  } finally {
    // Whoever stops reading early, or meets a bad chunk, does not wait for those behind it.
    left.abort(new Failure('interrupted', 'the stream is not read any further'))
  }
}

/** A whole stream as text: for a script of roles, never for a dump. @throws what readStream throws. */
export async function readText(...asked: Parameters<typeof readStream>): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of readStream(...asked)) pieces.push(piece)
  return Buffer.concat(pieces).toString('utf8')
}

/** One chunk, checked against its id. @throws Failure object-missing, object-corrupt, naming the chunk and the backup. */
export async function readChunk(
  repository: Repository,
  key: TenantKey,
  manifest: Manifest,
  chunk: ManifestChunk,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const where = chunkKey(manifest.subject, chunk.id)
  try {
    return await fetchChunk(repository, key, chunk, signal)
  } catch (cause) {
    if (!(cause instanceof Failure) || !['object-missing', 'object-corrupt'].includes(cause.code)) throw cause
    throw new Failure(
      cause.code,
      `chunk ${where} of backup ${manifest.backup} (${subjectName(manifest.subject)}) cannot be used`,
      {
        cause,
        facts: { chunk: where, backup: manifest.backup, subject: manifest.subject },
      },
    )
  }
}
