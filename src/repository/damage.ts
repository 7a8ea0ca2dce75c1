// Marks of damage: sealed records that a chunk is not what was stored. They are what makes a backup broken, and what makes the
// next dump store the chunk anew; one goes away only when the chunk was read back whole.
import { Failure } from '../domain/errors.js'
import { type ChunkId, parseChunkId } from '../domain/ids.js'
import type { DamageMark } from '../domain/records.js'
import type { SubjectId } from '../domain/subject.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { damageKey, damagePrefix } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { listRecords, putRecord, RECORD_END } from './records.js'

/** An object of a subject that is not what was stored. */
export interface Damage {
  key: string
  message: string
}

export interface ChunkDamage extends Damage {
  chunk: ChunkId
  kind: DamageMark['kind']
}

/** The chunks that are marked: asked of the store by one listing, no mark is opened. */
export async function listMarked(
  store: Store,
  subject: SubjectId,
  options: { signal?: AbortSignal } = {},
): Promise<Set<ChunkId>> {
  const prefix = damagePrefix(subject)
  const marked = new Set<ChunkId>()
  for (const where of await listRecords(store, prefix, options)) {
    const id = where.slice(prefix.length, -RECORD_END.length)
    // Every name of this form is a mark, whatever is in it: a mark that cannot be read must not set a chunk free.
    if (/^[0-9a-f]{64}$/.test(id)) marked.add(parseChunkId(id))
  }
  return marked
}

/** Marks a chunk; one that is marked already stays as it is. */
export async function markDamage(
  store: Store,
  key: TenantKey,
  { chunk, kind, message }: ChunkDamage,
  now: Date,
): Promise<void> {
  const mark: DamageMark = { format: 1, chunk, at: now.toISOString(), kind, message }
  await putRecord(store, key, damageKey(key.subject, chunk), mark).catch(thrown => {
    if (!(thrown instanceof Failure) || thrown.code !== 'store-conflict') throw thrown
  })
}

/** Takes a mark off: only for a chunk that was just read back whole, or that no backup names and the store does not have. */
export async function takeMarkOff(store: Store, subject: SubjectId, chunk: ChunkId): Promise<void> {
  await store.delete(damageKey(subject, chunk))
}
