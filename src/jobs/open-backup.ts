// Finds the backup an operator means and opens its manifest.
import type { Manifest } from '../domain/manifest.js'
import type { SubjectId } from '../domain/subject.js'
import { chooseManifest, listManifests, readManifest } from '../repository/manifests.js'
import type { Repository } from '../repository/repository.js'
import { openTenantKey } from '../repository/tenant-keys.js'
import type { TenantKey } from '../seal/tenant-key.js'

export interface OpenedBackup {
  key: TenantKey
  manifest: Manifest
}

/**
 * @param wanted `latest`, a backup id or its beginning, or an instant (the newest backup not after it).
 * @throws Failure backup-unknown; key-wrong; object-corrupt or manifest-invalid when the manifest cannot be trusted.
 */
export async function openBackup(
  repository: Repository,
  subject: SubjectId,
  wanted: string,
): Promise<OpenedBackup> {
  const name = chooseManifest(await listManifests(repository.store, subject), wanted, subject)
  const key = await openTenantKey(repository.store, repository.keyring, subject)
  return { key, manifest: await readManifest(repository.store, key, name) }
}
