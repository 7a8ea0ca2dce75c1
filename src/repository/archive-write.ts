// Writes one archive: tar, zstd, age, upload as one stream; then what is stored is read back; the index comes last.
// Nothing of the content is on the disk, and memory grows neither with the archive nor with the number of its files.
import { createHash } from 'node:crypto'
import { ARCHIVE_FORMAT, type ArchiveHead, type ArchiveMade } from '../domain/archive.js'
import type { ArchiveName } from '../domain/archive-name.js'
import { Failure } from '../domain/errors.js'
import type { SubjectId } from '../domain/subject.js'
import { sealStream } from '../seal/age-encrypt.js'
import { compressFrames, FRAME_BYTES } from '../seal/frames.js'
import { tarStream } from '../seal/tar.js'
import { archiveIndexKey, archiveKey } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { gather } from '../sys/gather.js'
import { passing } from '../sys/passing.js'
import { type Contents, contentMembers, recorded } from './archive-contents.js'
import { ArchiveLedger } from './archive-ledger.js'
import type { Repository } from './repository.js'

export interface ArchiveRequest {
  subject: SubjectId
  name: ArchiveName
  contents: Contents
  recipients: readonly string[]
  level: number
  /** For what is noted of each file, when that is too much for memory; sealed. */
  spoolFolder: string
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
export async function writeArchive(repository: Repository, request: ArchiveRequest): Promise<ArchiveMade> {
  const ledger = new ArchiveLedger(request.spoolFolder)
  try {
    const { measured, archive } = await sendArchive(repository, request, ledger)
    const { manifest } = request.contents
    const head: ArchiveHead = {
      format: ARCHIVE_FORMAT,
      tool: manifest.tool,
      subject: request.subject,
      name: request.name,
      createdAt: manifest.createdAt,
      backup: manifest.backup.backup,
      instant: manifest.backup.instant,
      archive,
      ...measured,
      frames: { bytes: FRAME_BYTES },
    }
    await sendIndex(repository, request, { ledger, head })
    return ledger.made(head)
  } finally {
    await ledger.close()
  }
}

interface Measured {
  payloadAt: number
  tarBytes: number
}

async function sendArchive(
  repository: Repository,
  request: ArchiveRequest,
  ledger: ArchiveLedger,
): Promise<{ measured: Measured; archive: { bytes: number; sha256: string } }> {
  const { subject, name, contents, signal } = request
  const key = archiveKey(subject, name)
  const measured: Measured = { payloadAt: 0, tarBytes: 0 }
  const stored = createHash('sha256')
  let bytes = 0
  const sent = passing(gathered(sealedArchive(repository, request, ledger, measured)), part => {
    stored.update(part)
    bytes += part.length
  })
  await upload(repository.store, key, sent, request, {
    expectedBytes: expectedBytes(contents),
    archival: true,
  })
  const archive = { bytes, sha256: stored.digest('hex') }
  await readBack(repository.store, key, archive, signal)
  return { measured, archive }
}

/** Comes last: from then on the archive counts. */
async function sendIndex(
  { store }: Repository,
  request: ArchiveRequest,
  { ledger, head }: { ledger: ArchiveLedger; head: ArchiveHead },
): Promise<void> {
  const key = archiveIndexKey(request.subject, request.name)
  const sealed = gathered(sealStream(ledger.index(head), request.recipients))
  await upload(store, key, sealed, request, { expectedBytes: ledger.indexBytes(), archival: false })
}

async function upload(
  store: Store,
  key: string,
  body: AsyncIterable<Uint8Array>,
  { signal, onUpload, onUploaded }: Pick<ArchiveRequest, 'signal' | 'onUpload' | 'onUploaded'>,
  how: { expectedBytes: number; archival: boolean },
): Promise<void> {
  let upload: string | null = null
  const noted = (id: string): void => {
    upload = id
    onUpload(key, id)
  }
  await store.putStream(key, body, { ...how, signal, onUpload: noted })
  if (upload !== null) onUploaded(key, upload)
}

async function* sealedArchive(
  repository: Repository,
  { contents, recipients, level, signal, onBytes }: ArchiveRequest,
  ledger: ArchiveLedger,
  measured: Measured,
): AsyncGenerator<Uint8Array> {
  const { members, onWritten } = recorded(contentMembers(contents, ledger, signal), ledger)
  const tar = async function* () {
    for await (const part of tarStream(members, onWritten)) {
      measured.tarBytes += part.length
      onBytes?.(part.length)
      yield part
    }
  }
  const onFrame = ledger.noteFrame.bind(ledger)
  const frames = compressFrames(tar(), repository.seals, { level, signal, onFrame })
  yield* sealStream(frames, recipients, at => {
    measured.payloadAt = at
  })
}

/** Bytes that don't compress, with what tar, zstd and age put around them: a little more than it can become. */
function expectedBytes({ manifest, files }: Contents): number {
  const content = manifest.backup.stream.bytes + manifest.files.bytes
  return Math.ceil((content + (files.count + 16) * 2048) * 1.01) + 1024 * 1024
}

async function* gathered(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const some of gather(parts, GATHERED_BYTES, part => part.length)) yield Buffer.concat(some)
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

/** An object of any length, by stretches of one version. @param stretch the first one; each next is twice as long, up to `most`. */
export async function* storedParts(
  store: Store,
  key: string,
  signal: AbortSignal,
  stretch = { first: READ_BACK_BYTES, most: READ_BACK_BYTES },
): AsyncGenerator<Uint8Array> {
  const first = await store.getRange(key, { start: 0, bytes: stretch.first }, { signal })
  yield first.body
  const { version, totalBytes } = first
  for (let [start, bytes] = [first.body.length, stretch.first]; start < totalBytes; ) {
    bytes = Math.min(2 * bytes, stretch.most)
    const { body } = await store.getRange(key, { start, bytes }, { version, signal })
    yield body
    start += body.length
  }
}
