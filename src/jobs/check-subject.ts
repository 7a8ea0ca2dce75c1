// The check of one subject: its key, its manifests, every chunk they need by one listing, and some of the chunks read back.
import type { Failure } from '../domain/errors.js'
import type { BackupId, ChunkId } from '../domain/ids.js'
import type { SubjectId } from '../domain/subject.js'
import { type ChunkDamage, listMarked, markDamage, takeMarkOff } from '../repository/damage.js'
import { type Inventory, takeInventory } from '../repository/inventory.js'
import { openCheckedKey } from '../repository/key-health.js'
import { type StoredChunk, verifyChunks } from '../repository/verify-chunk.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { chunkKey, tenantKeyKey } from '../store/keys.js'
import { noteBroken } from './broken-backups.js'
import type { Reading } from './check-reading.js'
import type { SubjectCheck } from './check-report.js'
import type { JobContext, Parts } from './parts.js'

/**
 * Marks what is damaged and takes marks off what is whole again; changes nothing else.
 * @throws Failure of the subject's key when that cannot be used; store-* when the store cannot be read to the end.
 */
export async function checkSubject(
  parts: Parts,
  subject: SubjectId,
  reading: Reading,
  { signal }: Pick<JobContext, 'signal'>,
): Promise<SubjectCheck> {
  const { repository } = parts
  const { store, transfers } = repository
  const { key, problem } = await openCheckedKey(repository, subject)
  const inventory = await takeInventory(store, key, { signal, transfers })
  const marks = await reviewMarks(parts, key, inventory, signal)
  const absent = await verifyChunks(repository, key, without(inventory.suspects(), marks.left), { signal })
  const damaged = await mark(
    parts,
    key,
    absent.map(damage => asListed(damage, inventory)),
  )
  const read = { chunks: 0, bytes: 0 }
  const known = new Set([...marks.left, ...damaged.map(one => one.chunk)])
  const chosen = counting(without(reading.chunks(subject, inventory), known), read)
  const found = await mark(parts, key, await verifyListed(parts, key, chosen, inventory, signal))
  reading.done(subject)
  damaged.push(...found.filter(one => inventory.mayNeed(one.chunk)))
  const stillDamaged = [...marks.left].filter(id => inventory.mayNeed(id)).length
  const broken = await brokenBackups(parts, key, inventory, stillDamaged + damaged.length > 0, signal)
  return {
    subject,
    backups: inventory.backups,
    ...inventory.totals(),
    readChunks: read.chunks,
    readBytes: read.bytes,
    damaged,
    stillDamaged,
    unneeded: found.filter(one => !inventory.mayNeed(one.chunk)),
    healed: marks.healed.map(id => chunkKey(subject, id)),
    broken: [...broken].map(([backup, message]) => ({ backup, message })),
    problems: [
      ...(problem ? [problemOf(tenantKeyKey(subject), problem)] : []),
      ...inventory.unreadable.map(one => problemOf(one.key, one.failure)),
    ],
  }
}

/** The manifests are opened once more only when there is a mark that they may name. */
async function brokenBackups(
  parts: Parts,
  key: TenantKey,
  { unreadable }: Inventory,
  someMarked: boolean,
  signal: AbortSignal,
): Promise<Map<BackupId, string>> {
  if (someMarked) return noteBroken(parts, key, signal)
  const broken = new Map(unreadable.map(({ backup, failure }) => [backup, failure.message]))
  parts.catalogue.noteBroken(key.subject, broken)
  return broken
}

/** What no backup needs may be gone since it was listed, by a sweep: that is no damage. */
async function verifyListed(
  { repository }: Parts,
  key: TenantKey,
  chunks: Iterable<StoredChunk>,
  inventory: Inventory,
  signal: AbortSignal,
): Promise<ChunkDamage[]> {
  const damaged = await verifyChunks(repository, key, chunks, { signal })
  return damaged.filter(({ kind, chunk }) => kind !== 'missing' || inventory.mayNeed(chunk))
}

/** Every marked chunk is read: what is whole loses its mark. So does one that no backup needs and that is not there any more. */
async function reviewMarks(
  { repository }: Parts,
  key: TenantKey,
  inventory: Inventory,
  signal: AbortSignal,
): Promise<{ healed: ChunkId[]; left: Set<ChunkId> }> {
  const left = await listMarked(repository.store, key.subject, { signal })
  const there: StoredChunk[] = []
  for (const id of left) {
    const chunk = inventory.find(id)
    if (chunk) there.push(chunk)
    else if (!inventory.mayNeed(id)) {
      await takeMarkOff(repository.store, key.subject, id)
      left.delete(id)
    }
  }
  const healed: ChunkId[] = []
  await verifyChunks(repository, key, there, { signal, onSound: ({ id }) => healed.push(id) })
  for (const id of healed) {
    await takeMarkOff(repository.store, key.subject, id)
    left.delete(id)
  }
  return { healed, left }
}

async function mark(
  { repository, clock }: Parts,
  key: TenantKey,
  damaged: ChunkDamage[],
): Promise<ChunkDamage[]> {
  for (const damage of damaged) await markDamage(repository.store, key, damage, clock.now())
  return damaged
}

/** What the listing showed says more than that it does not open. */
function asListed(damage: ChunkDamage, inventory: Inventory): ChunkDamage {
  const listed = inventory.find(damage.chunk)?.storedBytes ?? null
  if (damage.kind !== 'corrupt' || listed === null) return damage
  return { ...damage, kind: 'wrong-length', message: `it has ${listed} bytes, which no backup has recorded` }
}

function* without<T extends StoredChunk>(chunks: Iterable<T>, left: ReadonlySet<ChunkId>): Generator<T> {
  for (const chunk of chunks) if (!left.has(chunk.id)) yield chunk
}

function* counting(
  chunks: Iterable<StoredChunk>,
  read: { chunks: number; bytes: number },
): Generator<StoredChunk> {
  for (const chunk of chunks) {
    read.chunks += 1
    read.bytes += chunk.storedBytes ?? 0
    yield chunk
  }
}

const problemOf = (key: string, { code, message, hint }: Failure): SubjectCheck['problems'][number] => ({
  key,
  code,
  message,
  hint,
})
