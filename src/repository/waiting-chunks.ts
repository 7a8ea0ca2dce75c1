// Chunks that no backup names and that wait to be deleted: in the store, so that a sweep on any machine knows since when,
// and a dump knows which it must not rely on. Each record is a whole list; the newest one counts alone.
import { asFailure, type Failure } from '../domain/errors.js'
import { type ChunkId, instantMs, instantOf, parseInstant } from '../domain/ids.js'
import { type WaitingRecord, waitingSchema } from '../domain/records.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { waitingKey, waitingPrefix } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { deleteUnlessLocked } from './delete-unless-locked.js'
import { putRecord, RECORD_END, readRecord } from './records.js'

export interface WaitingChunks {
  /** Chunk → since when it was known that no backup names it, in milliseconds by the store's clock. */
  since: ReadonlyMap<ChunkId, number>
  /** The records that are in the store, oldest first. */
  keys: readonly string[]
  /** Why the newest cannot be read; the chunks then wait anew. Null when it can be. */
  unreadable: Failure | null
}

interface Options {
  signal?: AbortSignal
}

/** @throws Failure store-* when the store cannot be asked. */
export async function readWaiting(
  store: Store,
  key: TenantKey,
  options: Options = {},
): Promise<WaitingChunks> {
  const keys: string[] = []
  for await (const { key: where } of store.list(waitingPrefix(key.subject), options)) {
    if (instantIn(key, where) !== null) keys.push(where)
  }
  const newest = keys.at(-1)
  if (newest === undefined) return { since: new Map(), keys, unreadable: null }
  try {
    const record = await readRecord(store, key, newest, waitingSchema, options)
    return { since: sinceOf(record), keys, unreadable: null }
  } catch (thrown) {
    const failure = asFailure(thrown)
    if (failure.code !== 'object-corrupt' && failure.code !== 'object-missing') throw thrown
    return { since: new Map(), keys, unreadable: failure }
  }
}

/**
 * Puts a new list in the place of what `before` found; nothing is written when nothing changed.
 * @param now by the store's clock.
 */
export async function replaceWaiting(
  store: Store,
  key: TenantKey,
  { before, since, now }: { before: WaitingChunks; since: ReadonlyMap<ChunkId, number>; now: Date },
  options: Options = {},
): Promise<void> {
  if (before.unreadable === null && equal(before.since, since)) return
  const newest = before.keys.at(-1)
  // Its name must be the newest even when the clock was set back.
  const after = newest === undefined ? 0 : (instantIn(key, newest) ?? 0) + 1
  const where = waitingKey(key.subject, instantOf(new Date(Math.max(now.getTime(), after))))
  // An empty list is written too: an old one that a lock holds must not count again.
  await putRecord(store, key, where, recordOf(since, now))
  // One that a bucket lock holds is older than the one that counts, and does no harm.
  for (const old of before.keys) await deleteUnlessLocked(store, old, options)
}

function recordOf(since: ReadonlyMap<ChunkId, number>, now: Date): WaitingRecord {
  const groups = new Map<number, ChunkId[]>()
  for (const [chunk, ms] of since) {
    const group = groups.get(ms)
    if (group) group.push(chunk)
    else groups.set(ms, [chunk])
  }
  return {
    format: 1,
    at: now.toISOString(),
    waiting: [...groups].map(([ms, chunks]) => ({ since: new Date(ms).toISOString(), chunks })),
  }
}

function sinceOf({ waiting }: WaitingRecord): Map<ChunkId, number> {
  const since = new Map<ChunkId, number>()
  for (const group of waiting) for (const chunk of group.chunks) since.set(chunk, Date.parse(group.since))
  return since
}

function equal(a: ReadonlyMap<ChunkId, number>, b: ReadonlyMap<ChunkId, number>): boolean {
  return a.size === b.size && [...a].every(([chunk, ms]) => b.get(chunk) === ms)
}

function instantIn({ subject }: TenantKey, where: string): number | null {
  if (!where.endsWith(RECORD_END)) return null
  try {
    return instantMs(parseInstant(where.slice(waitingPrefix(subject).length, -RECORD_END.length)))
  } catch {
    return null
  }
}
