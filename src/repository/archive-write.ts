// Writes one archive: tar, zstd, age, upload as one stream; then what is stored is read back; the index comes last.
// Nothing is on the disk, and memory does not grow with the archive but for its list of files.
import { createHash } from 'node:crypto'
import { ARCHIVE_FORMAT, type ArchiveIndex, type ArchiveName } from '../domain/archive.js'
import { Failure } from '../domain/errors.js'
import type { SubjectId } from '../domain/subject.js'
import { sealFile, sealStream } from '../seal/age-encrypt.js'
import { compressFrames, FRAME_BYTES } from '../seal/frames.js'
import { tarStream } from '../seal/tar.js'
import { archiveIndexKey, archiveKey } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { type Contents, contentMembers, recorded, type Written } from './archive-contents.js'
import type { Repository } from './repository.js'

export interface ArchiveRequest {
  subject: SubjectId
  name: ArchiveName
  contents: Contents
  recipients: readonly string[]
  level: number
  signal: AbortSignal
  /** Before the first byte is stored: the id under which a half upload is found again. */
  onUpload(key: string, id: string): void
  /** The upload is complete: nothing half is left of it. */
  onUploaded(key: string, id: string): void
  /** Of the tar stream. */
  onBytes?(bytes: number): void
}

const READ_BACK_BYTES = 4 * 1024 * 1024
/** Parts smaller than this are gathered before they are sent. */
const GATHERED_BYTES = 512 * 1024

/**
 * When this resolves the archive is stored, read back and indexed; when it rejects there is no index, and no archive
 * either unless it was whole already.
 * @throws Failure store-conflict when an archive of that name is there; object-corrupt when what was read back differs;
 * what reading the backup or the files throws.
 */
export async function writeArchive(repository: Repository, request: ArchiveRequest): Promise<ArchiveIndex> {
  const { store } = repository
  const { subject, name, contents, recipients, signal } = request
  const key = archiveKey(subject, name)
  const written: Written = { entries: [], exceptions: [] }
  const measured = { payloadAt: 0, tarBytes: 0, frames: [] as number[] }
  const stored = createHash('sha256')
  let storedBytes = 0
  const sent = async function* () {
    for await (const part of gathered(sealedArchive(repository, request, written, measured))) {
      stored.update(part)
      storedBytes += part.length
      yield part
    }
  }
  let upload: string | null = null
  await store.putStream(key, sent(), {
    expectedBytes: expectedBytes(contents),
    archival: true,
    signal,
    onUpload: id => {
      upload = id
      request.onUpload(key, id)
    },
  })
  if (upload !== null) request.onUploaded(key, upload)
  const sha256 = stored.digest('hex')
  await readBack(store, key, { bytes: storedBytes, sha256 }, signal)
  const { manifest } = contents
  const index: ArchiveIndex = {
    format: ARCHIVE_FORMAT,
    tool: manifest.tool,
    subject,
    name,
    createdAt: manifest.createdAt,
    backup: manifest.backup.backup,
    instant: manifest.backup.instant,
    archive: { bytes: storedBytes, sha256 },
    payloadAt: measured.payloadAt,
    tarBytes: measured.tarBytes,
    frames: { bytes: FRAME_BYTES, stored: measured.frames },
    ...written,
  }
  const sealed = await sealFile(Buffer.from(JSON.stringify(index)), recipients)
  await store.put(archiveIndexKey(subject, name), sealed, { when: 'absent', signal })
  return index
}

async function* sealedArchive(
  repository: Repository,
  { contents, recipients, level, signal, onBytes }: ArchiveRequest,
  written: Written,
  measured: { payloadAt: number; tarBytes: number; frames: number[] },
): AsyncGenerator<Uint8Array> {
  const { members, onWritten } = recorded(contentMembers(contents, written, signal), written)
  const tar = async function* () {
    for await (const part of tarStream(members, onWritten)) {
      measured.tarBytes += part.length
      onBytes?.(part.length)
      yield part
    }
  }
  const onFrame = (bytes: number) => void measured.frames.push(bytes)
  const frames = compressFrames(tar(), repository.seals, { level, signal, onFrame })
  yield* sealStream(frames, recipients, at => {
    measured.payloadAt = at
  })
}

/** Bytes that don't compress, with what tar, zstd and age put around them: a little more than it can become. */
function expectedBytes({ manifest, files }: Contents): number {
  const content = manifest.backup.stream.bytes + manifest.files.bytes
  return Math.ceil((content + (files.length + 16) * 2048) * 1.01) + 1024 * 1024
}

async function* gathered(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = []
  let bytes = 0
  for await (const part of parts) {
    held.push(part)
    bytes += part.length
    if (bytes < GATHERED_BYTES) continue
    yield Buffer.concat(held)
    held = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(held)
}

async function readBack(
  store: Store,
  key: string,
  sent: { bytes: number; sha256: string },
  signal: AbortSignal,
): Promise<void> {
  const { bytes, sha256 } = await hashObject(store, key, signal)
  if (bytes === sent.bytes && sha256 === sent.sha256) return
  throw new Failure('object-corrupt', `the archive ${key} reads back as other bytes than were sent`, {
    facts: { sentBytes: sent.bytes, readBytes: bytes },
    hint: 'it has no index and counts for nothing: look at the store, then type the command again for another one',
  })
}

/** Length and SHA-256 of an object as it is stored. */
export async function hashObject(
  store: Store,
  key: string,
  signal: AbortSignal,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const part of storedParts(store, key, signal)) {
    hash.update(part)
    bytes += part.length
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** An object of any length, by stretches of one version. */
export async function* storedParts(
  store: Store,
  key: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const first = await store.getRange(key, { start: 0, bytes: READ_BACK_BYTES }, { signal })
  yield first.body
  const { version, totalBytes } = first
  for (let start = first.body.length; start < totalBytes; ) {
    const { body } = await store.getRange(key, { start, bytes: READ_BACK_BYTES }, { version, signal })
    yield body
    start += body.length
  }
}
