// Loads a backup into a new, empty database: pg_restore in one transaction, fed with verified chunks.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { PostgresConfig } from '../domain/configuration.js'
import type { Manifest } from '../domain/manifest.js'
import { explainRestoreEnd, startRestore } from '../postgres/load.js'
import type { Tool } from '../postgres/tools.js'
import { readStream } from '../repository/read-stream.js'
import type { Repository } from '../repository/repository.js'
import type { TenantKey } from '../repository/tenant-keys.js'

export interface LoadOptions {
  target: PostgresConfig
  database: string
  tool: Tool
  politeness: { nice: number; ionice: 'none' | 'best-effort' | 'idle' }
  signal: AbortSignal
  /** Only the entries of this list, see startRestore. */
  listFile?: string
  settings?: readonly string[]
  applicationName?: string
  onBytes?(bytes: number): void
}

/**
 * Resolves when pg_restore has committed. It is told of the stream's end only after the whole stream equalled the
 * manifest's SHA-256, so a damaged backup is never committed.
 * @throws Failure object-missing, object-corrupt, restore-failed; the database is then as empty as before.
 */
export async function loadBackup(
  repository: Repository,
  key: TenantKey,
  manifest: Manifest,
  options: LoadOptions,
): Promise<void> {
  const { signal, onBytes } = options
  return loadStream(
    readStream(repository, key, manifest, { signal, ...(onBytes ? { onBytes } : {}) }),
    options,
  )
}

/**
 * The same from any stream of an archive of pg_dump's, which must end only when all of it was sound.
 * @throws what the stream throws; restore-failed.
 */
export async function loadStream(
  stream: AsyncIterable<Uint8Array>,
  { target, database, tool, politeness, signal, listFile, settings, applicationName }: LoadOptions,
): Promise<void> {
  const more = {
    ...(listFile === undefined ? {} : { listFile }),
    ...(settings ? { settings } : {}),
    ...(applicationName ? { applicationName } : {}),
  }
  const child = await startRestore({ target, database, tool, politeness, signal, ...more })
  const feeding = pipeline(Readable.from(stream, { highWaterMark: 1, objectMode: true }), child.stdin)
  // Its input must not simply end when ours breaks: pg_restore would take that for the end of the archive.
  feeding.catch(() => child.kill('SIGKILL'))
  const [fed, ended] = await Promise.allSettled([feeding, child.result])
  signal.throwIfAborted()
  if (ended.status === 'rejected') throw ended.reason
  if (fed.status === 'rejected' && !isBrokenPipe(fed.reason)) throw fed.reason
  if (ended.value.exitCode !== 0) throw explainRestoreEnd(ended.value, database)
}

/** pg_restore went away while we wrote: how it ended tells why. */
function isBrokenPipe(reason: unknown): boolean {
  const code = (reason as NodeJS.ErrnoException).code
  return (
    code === 'EPIPE' ||
    code === 'ECONNRESET' ||
    code === 'ERR_STREAM_PREMATURE_CLOSE' ||
    code === 'ERR_STREAM_DESTROYED'
  )
}
