// Broken backups do not count as the newest: this keeps the catalogue told of them.
import type { BackupId } from '../domain/ids.js'
import { readBroken } from '../repository/standing.js'
import type { TenantKey } from '../seal/tenant-key.js'
import type { Parts } from './parts.js'

/** Asks the store which backups of a subject are broken and notes it in the catalogue. @returns why each one is. */
export async function noteBroken(
  parts: Parts,
  key: TenantKey,
  signal: AbortSignal,
): Promise<Map<BackupId, string>> {
  const { store, transfers } = parts.repository
  const broken = await readBroken(store, key, { signal, transfers })
  parts.catalogue.noteBroken(key.subject, broken)
  return broken
}
