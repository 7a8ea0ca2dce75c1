// Manifests in the store: written last and only once, found by listing, opened with the subject's key.
import { Failure } from '../domain/errors.js'
import { type BackupId, instantOf } from '../domain/ids.js'
import { type Manifest, parseManifest } from '../domain/manifest.js'
import { shellWord } from '../domain/shell-word.js'
import { parseSubjectId, type SubjectId, subjectName } from '../domain/subject.js'
import { openFile } from '../seal/age-decrypt.js'
import { sealFile } from '../seal/age-encrypt.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { compress, decompress } from '../seal/zstd.js'
import {
  byNewest,
  type ManifestName,
  manifestKey,
  manifestsPrefix,
  PLATFORM_SUBJECTS,
  parseManifestKey,
  TENANTS_PREFIX,
  tenantKeyKey,
} from '../store/keys.js'
import type { Store } from '../store/port.js'

/** A manifest of a million chunks and ten thousand tables stays far below. */
const MANIFEST_BYTES_MAX = 512 * 1024 * 1024

export const manifestName = (manifest: Manifest): ManifestName => ({
  subject: manifest.subject,
  instant: instantOf(new Date(manifest.instant)),
  kind: manifest.kind,
  backup: manifest.backup,
})

/** The commit point: after this the backup exists. @throws Failure store-conflict when it exists already. */
export async function commitManifest(
  store: Store,
  key: TenantKey,
  manifest: Manifest,
): Promise<{ storedBytes: number }> {
  const text = JSON.stringify(manifest)
  parseManifest(text)
  const file = await sealFile(compress(Buffer.from(text)), [key.recipient])
  await store.put(manifestKey(manifestName(manifest)), file, { when: 'absent' })
  return { storedBytes: file.length }
}

/**
 * Opens one manifest.
 * @throws Failure object-missing, object-corrupt (also when it was sealed for another key), manifest-invalid (also when it
 * is not the one its key says), format-unknown.
 */
export async function readManifest(
  store: Store,
  key: TenantKey,
  name: ManifestName,
  options: { signal?: AbortSignal } = {},
): Promise<Manifest> {
  const where = manifestKey(name)
  const { body } = await store.get(where, options)
  const manifest = await openManifest(body, key).catch(cause => {
    // The tenant's own key is at hand, so one that it does not open is not the tenant's.
    const own = cause instanceof Failure && cause.code !== 'key-wrong'
    const code = own ? cause.code : 'object-corrupt'
    throw new Failure(code, `the manifest ${where} cannot be used`, { cause })
  })
  if (manifestKey(manifestName(manifest)) !== where) {
    throw new Failure(
      'manifest-invalid',
      `the manifest ${where} says it is ${manifestKey(manifestName(manifest))}`,
    )
  }
  return manifest
}

async function openManifest(file: Uint8Array, key: TenantKey): Promise<Manifest> {
  const frame = await openFile(file, [key.identity])
  return parseManifest(Buffer.from(decompress(frame, MANIFEST_BYTES_MAX)).toString('utf8'))
}

/** The names of a subject's manifests, newest first. Keys that are not of our making are passed over. */
export async function listManifests(
  store: Store,
  subject: SubjectId,
  options: { signal?: AbortSignal } = {},
): Promise<ManifestName[]> {
  const names: ManifestName[] = []
  for await (const { key } of store.list(manifestsPrefix(subject), options)) {
    const name = manifestNameOf(key)
    if (name) names.push(name)
  }
  return names.sort(byNewest)
}

/** Every subject with a key or a manifest in the store, platform first. Looks at no key of anyone else's. */
export async function listSubjects(
  store: Store,
  options: { signal?: AbortSignal } = {},
): Promise<SubjectId[]> {
  const candidates = [...PLATFORM_SUBJECTS]
  for await (const folder of store.folders(TENANTS_PREFIX, options)) {
    const subject = subjectOf(TENANTS_PREFIX + folder)
    if (subject) candidates.push(subject)
  }
  const subjects: SubjectId[] = []
  for (const subject of candidates) if (await hasBackups(store, subject, options)) subjects.push(subject)
  return subjects
}

/** Whether there is a key or a manifest of it. */
export async function hasBackups(
  store: Store,
  subject: SubjectId,
  options: { signal?: AbortSignal } = {},
): Promise<boolean> {
  if (await store.head(tenantKeyKey(subject), options)) return true
  for await (const _ of store.list(manifestsPrefix(subject), options)) return true
  return false
}

/**
 * The manifest an operator means: `latest`, a backup id or the beginning of one, or an instant (the newest not after it).
 * @throws Failure backup-unknown, or usage when a beginning fits several.
 */
export function chooseManifest(
  names: readonly ManifestName[],
  wanted: string,
  subject: SubjectId,
): ManifestName {
  const fits = names.filter(name => matches(name, wanted))
  const chosen = fits[0]
  if (!chosen && names.length === 0) {
    throw new Failure('backup-unknown', `there is no backup of ${subjectName(subject)} in the store`, {
      hint: 'type `gmah-backup backups` to see what there is, `gmah-backup tenants` to see the names',
    })
  }
  if (!chosen) {
    throw new Failure(
      'backup-unknown',
      `${subjectName(subject)} has no backup ${wanted} (${names.length} in the store)`,
      {
        hint: `type \`gmah-backup backups ${shellWord(subjectName(subject))}\` to see them`,
      },
    )
  }
  if (fits.length > 1 && /^[0-9a-f]+$/.test(wanted)) {
    throw new Failure('usage', `${wanted} is the beginning of ${fits.length} backup ids`, {
      hint: 'type more digits',
    })
  }
  return chosen
}

function matches(name: ManifestName, wanted: string): boolean {
  if (wanted === 'latest') return true
  if (/^[0-9a-f]{4,12}$/.test(wanted)) return name.backup.startsWith(wanted as BackupId)
  const time = Date.parse(
    wanted.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d(?:\.\d+)?)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  )
  if (Number.isNaN(time)) {
    throw new Failure('usage', `not a backup id, nor an instant: ${wanted}`, {
      hint: 'give `latest`, an id as `gmah-backup backups` shows it, or an instant like 2026-11-23T02:00:00Z',
    })
  }
  // Lists show whole seconds: one typed to the second means all of it, or the shown backup would not be found by its own instant.
  const end = /\.\d+/.test(wanted) ? time : time + 999
  return name.instant <= instantOf(new Date(end))
}

function manifestNameOf(key: string): ManifestName | null {
  try {
    return parseManifestKey(key)
  } catch {
    return null
  }
}

/** A folder whose name no tenant encodes to is the application's own, not ours. */
function subjectOf(folder: string): SubjectId | null {
  try {
    return parseSubjectId(folder.slice(0, -1))
  } catch {
    return null
  }
}
