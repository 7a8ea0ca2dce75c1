// A repository on any store with keys of its own and real sealing threads, and backups of plain bytes in it.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { newBackupId } from '../../src/domain/ids.js'
import { FORMAT, type Manifest } from '../../src/domain/manifest.js'
import { type SubjectId, tenantSubject } from '../../src/domain/subject.js'
import { type Intake, openIntake } from '../../src/repository/intake.js'
import { commitManifest } from '../../src/repository/manifests.js'
import { readStream } from '../../src/repository/read-stream.js'
import type { Repository } from '../../src/repository/repository.js'
import { ensureTenantKey, type TenantKey } from '../../src/repository/tenant-keys.js'
import { type WriteOptions, type WrittenStream, writeStream } from '../../src/repository/write-stream.js'
import { generateIdentity } from '../../src/seal/age-keys.js'
import { createSealPool } from '../../src/seal/pool.js'
import type { Store } from '../../src/store/port.js'
import { type Clock, systemClock } from '../../src/sys/clock.js'
import { type MemoryStore, memoryStore } from './memory-store.js'

export const ACME: SubjectId = tenantSubject('acme', 'gmah_org_acme').id
export const GLOBEX: SubjectId = tenantSubject('globex', 'gmah_org_globex').id

/** Small chunks, so that small streams have many. */
export const SMALL_CUTTER = { minBytes: 4096, averageBytes: 16_384, maxBytes: 65_536 }

export const never = new AbortController().signal

export interface TestRepository extends Repository {
  /** The offline identity, a recipient of every key. */
  recovery: string
  close(): Promise<void>
}

/** Call `close` in the end. */
export function testRepository(store: Store, more: Partial<Repository> = {}): TestRepository {
  const [own, recovery] = [generateIdentity(), generateIdentity()]
  const seals = more.seals ?? createSealPool(2)
  return {
    store,
    keyring: { identities: [own.identity], recipients: [own.recipient, recovery.recipient] },
    seals,
    clock: systemClock,
    cutter: SMALL_CUTTER,
    compressionLevel: 1,
    transfers: 4,
    ...more,
    recovery: recovery.identity,
    close: () => seals.close(),
  }
}

/** A new store in memory in the repository's place, with a key of the subject. */
export async function emptyStore(
  repository: TestRepository,
  clock?: Clock,
): Promise<{ store: MemoryStore; key: TenantKey }> {
  const store = memoryStore(clock)
  repository.store = store
  return { store, key: await ensureTenantKey(repository, ACME) }
}

/** What comes out of `source`, led into an intake; an error of the source is the intake's failure. */
export async function intakeOf(source: Readable): Promise<Intake> {
  const intake = await openIntake()
  pipeline(source, intake.input).catch(thrown => intake.fail(thrown))
  return intake
}

/** Writes `bytes` as one stream in pieces of `pieceBytes`. */
export async function write(
  repository: Repository,
  key: TenantKey,
  bytes: Uint8Array,
  options: Partial<WriteOptions> & { pieceBytes?: number } = {},
): Promise<WrittenStream> {
  const { pieceBytes = 65_536, ...more } = options
  const source = Readable.from(inPieces(bytes, pieceBytes), { objectMode: false })
  return writeStream(repository, key, await intakeOf(source), { observer: null, signal: never, ...more })
}

/** One whole backup of plain bytes, as a job makes it. */
export async function backUp(
  repository: Repository,
  subject: SubjectId,
  bytes: Uint8Array,
  instant = '2026-11-23T02:00:00.000Z',
  options: Partial<WriteOptions> = {},
): Promise<Manifest> {
  const key = await ensureTenantKey(repository, subject)
  const manifest = manifestOf(subject, await write(repository, key, bytes, options), instant)
  await commitManifest(repository.store, key, manifest)
  return manifest
}

export function manifestOf(subject: SubjectId, written: WrittenStream, instant: string): Manifest {
  const { bytes, head, chunks, stored } = written
  return {
    format: FORMAT,
    tool: 'gmah-backup test',
    backup: newBackupId(),
    subject,
    kind: 'scheduled',
    label: null,
    instant,
    startedAt: instant,
    finishedAt: instant,
    stream: { type: 'sql', bytes, head },
    cutter: { algorithm: 'gear1', ...SMALL_CUTTER },
    chunks,
    dump: null,
    stored,
    durations: {},
  }
}

/** The stream of a backup as one buffer. */
export async function readBack(
  repository: Repository,
  key: TenantKey,
  manifest: Manifest,
  signal: AbortSignal = never,
): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of readStream(repository, key, manifest, { signal })) parts.push(part)
  return Buffer.concat(parts)
}

/** Each piece is a copy of its own: who takes it may hand its memory on. */
export function* inPieces(bytes: Uint8Array, pieceBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield Buffer.from(bytes.subarray(at, at + pieceBytes))
}
