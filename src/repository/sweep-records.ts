// Deletes what is said of backups and chunks that are not there any more: nobody will ask again.
import { asFailure } from '../domain/errors.js'
import type { BackupId } from '../domain/ids.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { damagePrefix, pinsPrefix, proofsPrefix } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { listRecords } from './records.js'
import type { References } from './references.js'

interface Left {
  backups: ReadonlySet<BackupId>
  /** Null when nobody knows which chunks are needed: marks of damage then stay. */
  references: References | null
}

/** A record that a bucket lock holds stays until it lets go. @throws Failure store-*. */
export async function sweepRecords(
  store: Store,
  { subject }: TenantKey,
  { backups, references }: Left,
  options: { signal: AbortSignal },
): Promise<void> {
  for (const prefix of [pinsPrefix(subject), proofsPrefix(subject)]) {
    for (const where of await listRecords(store, prefix, options)) {
      const backup = where.slice(prefix.length).slice(0, BACKUP_DIGITS) as BackupId
      if (!backups.has(backup)) await deleteUnlessLocked(store, where, options)
    }
  }
  if (references === null) return
  const prefix = damagePrefix(subject)
  for (const where of await listRecords(store, prefix, options)) {
    const chunk = where.slice(prefix.length).slice(0, CHUNK_DIGITS) as Parameters<References['names']>[0]
    if (!references.names(chunk)) await deleteUnlessLocked(store, where, options)
  }
}

const BACKUP_DIGITS = 12
const CHUNK_DIGITS = 64

async function deleteUnlessLocked(
  store: Store,
  where: string,
  options: { signal: AbortSignal },
): Promise<void> {
  try {
    await store.delete(where, options)
  } catch (thrown) {
    if (asFailure(thrown).code !== 'store-locked') throw thrown
  }
}
