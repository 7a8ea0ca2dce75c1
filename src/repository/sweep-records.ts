// Deletes what is said of backups and chunks that are not there any more: nobody will ask again. A bad chunk that no backup names
// keeps its mark for as long as it is there: a dump might meet it before a sweep takes it.
import type { BackupId, ChunkId } from '../domain/ids.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { damagePrefix, pinsPrefix, proofsPrefix } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { deleteUnlessLocked } from './delete-unless-locked.js'
import { listRecords } from './records.js'
import type { References } from './references.js'

interface Left {
  backups: ReadonlySet<BackupId>
  /** Null when nobody knows which chunks are needed or there: marks of damage then stay. */
  chunks: { named: Pick<References, 'names'>; unnamed: ReadonlySet<ChunkId> } | null
}

/** A record that a bucket lock holds stays until it lets go. @returns the keys that went. @throws Failure store-*. */
export async function sweepRecords(
  store: Store,
  { subject }: TenantKey,
  { backups, chunks }: Left,
  options: { signal: AbortSignal },
): Promise<string[]> {
  const gone: string[] = []
  const remove = async (where: string): Promise<void> => {
    if (await deleteUnlessLocked(store, where, options)) gone.push(where)
  }
  for (const prefix of [pinsPrefix(subject), proofsPrefix(subject)]) {
    for (const where of await listRecords(store, prefix, options)) {
      const backup = where.slice(prefix.length).slice(0, BACKUP_DIGITS) as BackupId
      if (!backups.has(backup)) await remove(where)
    }
  }
  if (chunks === null) return gone
  const prefix = damagePrefix(subject)
  for (const where of await listRecords(store, prefix, options)) {
    const chunk = where.slice(prefix.length).slice(0, CHUNK_DIGITS) as ChunkId
    if (!chunks.named.names(chunk) && !chunks.unnamed.has(chunk)) await remove(where)
  }
  return gone
}

const BACKUP_DIGITS = 12
const CHUNK_DIGITS = 64
