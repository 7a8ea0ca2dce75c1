// Which backup a restore takes: the one asked for, or the newest that is sound, and which newer ones were passed over and why.
import { asFailure, type ErrorCode, Failure } from '../domain/errors.js'
import { type BackupId, type ChunkId, type Instant, instantOf } from '../domain/ids.js'
import type { BackupKind, Manifest } from '../domain/manifest.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import { chooseManifest, listManifests, readManifest } from '../repository/manifests.js'
import type { Repository } from '../repository/repository.js'
import { readSayings, type Sayings } from '../repository/standing.js'
import { openTenantKey } from '../repository/tenant-keys.js'
import { verifyChunks } from '../repository/verify-chunk.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { chunkKey, chunksPrefix, type ManifestName, parseChunkKey } from '../store/keys.js'
import type { JobContext } from './parts.js'

/** A backup that is newer than the one taken, and cannot be used. */
export interface PassedOver {
  backup: BackupId
  instant: Instant
  kind: BackupKind
  code: ErrorCode
  message: string
}

export interface ChosenBackup {
  key: TenantKey
  manifest: Manifest
  passedOver: PassedOver[]
  /** What is said of the subject's backups. */
  sayings: Sayings
}

/** What says that this one backup is of no use, and nothing about the store as a whole. */
const BROKEN: readonly ErrorCode[] = [
  'object-missing',
  'object-corrupt',
  'manifest-invalid',
  'format-unknown',
]

/** Keeps it with the run that an older backup was taken than the one meant. */
export function tellPassedOver(passedOver: readonly PassedOver[], context: JobContext): void {
  for (const { backup, instant, code, message } of passedOver) {
    context.emit({ type: 'backup-passed-over', facts: { backup, instant, code, message } })
  }
}

export const isBroken = (failure: Failure): boolean => BROKEN.includes(failure.code)

export interface ChoiceOptions {
  signal: AbortSignal
  /** Backups found broken while they were read. */
  without?: ReadonlyMap<BackupId, Failure>
  /** Only backups of data not younger than this: what a restore itself made meanwhile is not meant. */
  until?: Date
}

/**
 * `latest` and an instant take the newest sound backup (not after the instant). `latest` never means a safety copy: that is
 * of the very state which somebody wanted to be rid of. An id means that one backup, or nothing.
 * @throws Failure backup-unknown; the failure of the newest when none of them is sound; key-wrong, store-*.
 */
export async function chooseBackup(
  repository: Repository,
  subject: SubjectId,
  wanted: string,
  options: ChoiceOptions,
): Promise<ChosenBackup> {
  const { signal, without, until } = options
  const all = await listManifests(repository.store, subject, { signal })
  const names = until ? all.filter(name => name.instant <= instantOf(until)) : all
  const candidates = candidatesOf(names, wanted, subject)
  const key = await openTenantKey(repository.store, repository.keyring, subject)
  const sayings = await readSayings(repository.store, key, { signal })
  const stored = await storedChunks(repository, subject, signal)
  const passedOver: PassedOver[] = []
  let first: Failure | null = null
  for (const name of candidates) {
    try {
      const known = without?.get(name.backup)
      if (known) throw known
      const manifest = await readManifest(repository.store, key, name, { signal })
      await assertWhole(repository, key, manifest, { stored, sayings, signal })
      return { key, manifest, passedOver, sayings }
    } catch (thrown) {
      const failure = asFailure(thrown)
      if (!isBroken(failure)) throw thrown
      first ??= failure
      const { backup, instant, kind } = name
      passedOver.push({ backup, instant, kind, code: failure.code, message: failure.message })
    }
  }
  throw first ?? new Failure('backup-unknown', `there is no backup of ${subjectName(subject)} in the store`)
}

const isId = (wanted: string): boolean => /^[0-9a-f]{4,12}$/.test(wanted)

function candidatesOf(names: readonly ManifestName[], wanted: string, subject: SubjectId): ManifestName[] {
  const first = chooseManifest(names, wanted, subject)
  if (isId(wanted)) return [first]
  const older = names.slice(names.indexOf(first))
  const real = wanted === 'latest' ? older.filter(name => name.kind !== 'before-restore') : older
  return real.length > 0 ? real : older
}

async function storedChunks(
  { store }: Repository,
  subject: SubjectId,
  signal: AbortSignal,
): Promise<ReadonlyMap<ChunkId, number>> {
  const stored = new Map<ChunkId, number>()
  for await (const { key, bytes } of store.list(chunksPrefix(subject), { signal })) {
    const id = parseChunkKey(subject, key)
    if (id) stored.set(id, bytes)
  }
  return stored
}

/**
 * As far as a listing and the marks can tell. A chunk that was stored anew may have got another length: only reading it tells.
 * @throws Failure object-missing, object-corrupt
 */
async function assertWhole(
  repository: Repository,
  key: TenantKey,
  manifest: Manifest,
  known: { stored: ReadonlyMap<ChunkId, number>; sayings: Sayings; signal: AbortSignal },
): Promise<void> {
  const { stored, signal } = known
  const { marked } = known.sayings
  const about = `of backup ${manifest.backup} (${subjectName(manifest.subject)})`
  const missing = manifest.chunks.filter(chunk => !stored.has(chunk.id))
  if (missing[0]) {
    const where = chunkKey(manifest.subject, missing[0].id)
    const others = missing.length > 1 ? `, nor are ${missing.length - 1} others` : ''
    throw new Failure('object-missing', `chunk ${where} ${about} is not in the store${others}`)
  }
  const other = manifest.chunks.filter(
    chunk => stored.get(chunk.id) !== chunk.storedBytes && !marked.has(chunk.id),
  )
  const [unread] = await verifyChunks(repository, key, other, { signal })
  const damaged = manifest.chunks.find(chunk => marked.has(chunk.id))?.id ?? unread?.chunk
  if (damaged) {
    const where = chunkKey(manifest.subject, damaged)
    throw new Failure('object-corrupt', `chunk ${where} ${about} is damaged`)
  }
}
