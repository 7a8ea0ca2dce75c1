// Finds the backup an operator means and opens its manifest. Who asks for the newest gets the newest that is whole.
import { Failure } from '../domain/errors.js'
import type { BackupId, Instant } from '../domain/ids.js'
import type { Manifest } from '../domain/manifest.js'
import { shellWord } from '../domain/shell-word.js'
import { encodeTenant, isSubjectId, parseSubjectId, type SubjectId, subjectName } from '../domain/subject.js'
import { listMarked } from '../repository/damage.js'
import { chooseManifests, listManifests, readManifest } from '../repository/manifests.js'
import type { Repository } from '../repository/repository.js'
import { openTenantKey } from '../repository/tenant-keys.js'
import { unusable } from '../repository/unusable.js'
import type { TenantKey } from '../seal/tenant-key.js'
import type { ManifestName } from '../store/keys.js'
import type { JobContext } from './parts.js'

/** The subject an operator names: an id (`platform/master`, `tenants/<encoded>`) is taken as one, anything else is a tenant's own name. */
export function subjectNamed(name: string): SubjectId {
  return isSubjectId(name) ? name : parseSubjectId(`tenants/${encodeTenant(name)}`)
}

export interface OpenedBackup {
  key: TenantKey
  manifest: Manifest
  /** Newer backups that the words meant first, and are broken; newest first. */
  passedOver: PassedOver[]
}

export interface PassedOver {
  backup: BackupId
  instant: Instant
  message: string
}

/**
 * @param wanted `latest` or an instant (the newest not after it): broken backups are passed over, which whoever asks must tell.
 * A backup id or its beginning: that very backup, broken or not.
 * @throws Failure backup-unknown; key-wrong; backup-broken when all that fit are; of one asked for by its id, object-corrupt or
 * manifest-invalid when its manifest cannot be trusted.
 */
export async function openBackup(
  repository: Repository,
  subject: SubjectId,
  wanted: string,
): Promise<OpenedBackup> {
  const { store, keyring } = repository
  const fits = chooseManifests(await listManifests(store, subject), wanted, subject)
  const key = await openTenantKey(store, keyring, subject)
  if (isId(wanted)) return { key, manifest: await readManifest(store, key, fits[0]), passedOver: [] }
  const marked = await listMarked(store, subject)
  const passedOver: PassedOver[] = []
  for (const name of fits) {
    const manifest = await readManifest(store, key, name).catch(unusable)
    const damaged = manifest instanceof Failure ? [] : manifest.chunks.filter(one => marked.has(one.id))
    if (!(manifest instanceof Failure) && damaged.length === 0) return { key, manifest, passedOver }
    const message =
      manifest instanceof Failure ? manifest.message : `${damaged.length} of its chunks are marked as damaged`
    passedOver.push({ backup: name.backup, instant: name.instant, message })
  }
  throw allBroken(subject, fits, passedOver)
}

/** Keeps it with the run that an older backup was taken than the one meant. */
export function tellPassedOver({ passedOver }: Pick<OpenedBackup, 'passedOver'>, context: JobContext): void {
  for (const facts of passedOver) context.emit({ type: 'backup-passed-over', facts: { ...facts } })
}

const isId = (wanted: string): boolean => /^[0-9a-f]{4,12}$/.test(wanted)

function allBroken(
  subject: SubjectId,
  fits: readonly ManifestName[],
  passedOver: readonly PassedOver[],
): Failure {
  const name = subjectName(subject)
  const [first] = passedOver
  const others = fits.length > 1 ? `, and so are the ${fits.length - 1} before it` : ''
  return new Failure(
    'backup-broken',
    `backup ${first?.backup} of ${name} is broken (${first?.message})${others}`,
    {
      hint: `type \`gmah-backup backup ${shellWord(name)}\` while the live database is there; a broken backup can still be tried with --backup ID`,
      facts: { passedOver },
    },
  )
}
