// Where each object lives in the bucket (format version 1, docs/format.md). The only place that knows the layout.
import { type ArchiveName, parseArchiveName } from '../domain/archive-name.js'
import { Failure } from '../domain/errors.js'
import {
  type BackupId,
  type ChunkId,
  type Instant,
  instantMs,
  parseBackupId,
  parseChunkId,
  parseInstant,
} from '../domain/ids.js'
import { BACKUP_KINDS, type BackupKind } from '../domain/manifest.js'
import { encodeTenant, GLOBALS, MASTER, parseSubjectId, type SubjectId } from '../domain/subject.js'

/** What a manifest's key tells without opening it. */
export interface ManifestName {
  subject: SubjectId
  instant: Instant
  kind: BackupKind
  backup: BackupId
}

/** The subject's own prefix: everything of ours for it is below, nothing of anyone else's. */
const subjectPrefix = (subject: SubjectId): string =>
  subject.startsWith('tenants/') ? `${subject}/backups/` : `${subject}/`

export const tenantKeyKey = (subject: SubjectId): string => `${subjectPrefix(subject)}key.age`
export const chunksPrefix = (subject: SubjectId): string => `${subjectPrefix(subject)}chunks/`
export const manifestsPrefix = (subject: SubjectId): string => `${subjectPrefix(subject)}manifests/`
export const chunkKey = (subject: SubjectId, id: ChunkId): string =>
  `${chunksPrefix(subject)}${id.slice(0, 2)}/${id}`

/** Records of a backup, sealed for its subject; each key is written once. */
export const pinsPrefix = (subject: SubjectId): string => `${subjectPrefix(subject)}pins/`
export const proofsPrefix = (subject: SubjectId): string => `${subjectPrefix(subject)}proofs/`
/** Marks of damage go away again, so they live apart from what a bucket lock may hold, like leases. */
export const damagePrefix = (subject: SubjectId): string => `platform/damage/${subject}/`
export const pinKey = (subject: SubjectId, backup: BackupId): string =>
  `${pinsPrefix(subject)}${backup}.json.age`
export const proofKey = (subject: SubjectId, backup: BackupId, at: Instant): string =>
  `${proofsPrefix(subject)}${backup}-${at}.json.age`
export const damageKey = (subject: SubjectId, chunk: ChunkId): string =>
  `${damagePrefix(subject)}${chunk}.json.age`

/** Monthly archives: self-contained, and beside a subject's backups, so that neither is listed with the other. */
export const archivesPrefix = (subject: SubjectId): string => `${subject}/archives/`
export const archiveKey = (subject: SubjectId, name: ArchiveName): string =>
  `${archivesPrefix(subject)}${name}.tar.zst.age`
export const archiveIndexKey = (subject: SubjectId, name: ArchiveName): string =>
  `${archivesPrefix(subject)}${name}.json.age`

/** The archive whose object or index a key is; null for one that is not of our making. */
export function parseArchiveKey(
  subject: SubjectId,
  key: string,
): { name: ArchiveName; part: 'archive' | 'index' } | null {
  const parts = /^(.+)\.(tar\.zst|json)\.age$/.exec(key.slice(archivesPrefix(subject).length))
  try {
    const name = parseArchiveName(parts?.[1] ?? '')
    return { name, part: parts?.[2] === 'json' ? 'index' : 'archive' }
  } catch {
    return null
  }
}
/** Records of a sweep: the chunks that wait to be deleted, and when the subject was found gone. */
export const waitingPrefix = (subject: SubjectId): string => `${subjectPrefix(subject)}waiting/`
export const departedPrefix = (subject: SubjectId): string => `${subjectPrefix(subject)}departed/`
export const waitingKey = (subject: SubjectId, at: Instant): string =>
  `${waitingPrefix(subject)}${at}.json.age`
export const departedKey = (subject: SubjectId, at: Instant): string =>
  `${departedPrefix(subject)}${at}.json.age`

/** Recovery sheets of the provider's snapshots, one folder a server. */
export const SHEETS_PREFIX = 'platform/snapshots/'
/** Without an instant: the folder of one server's sheets. */
export const sheetKey = (server: string, instant: Instant | null): string =>
  `${SHEETS_PREFIX}${encodeTenant(server)}/${instant === null ? '' : `${instant}.json.age`}`

/** Leases change all the time, so they live apart from what a bucket lock may hold. */
export const leaseKey = (subject: SubjectId): string => `platform/leases/${subject}.json`
/** One restore in place at a time on a subject; apart from its own lease, which the safety copy needs meanwhile. */
export const restoreLeaseKey = (subject: SubjectId): string => `platform/leases/restores/${subject}.json`
/** `name.md`, in plain text. */
export const playbookKey = (file: string): string => `platform/playbooks/${file}`

/** Throw-away objects that tell the store's time or try what it does; whoever puts one deletes it within moments. */
export const PROBE_PREFIXES = ['platform/leases/', 'platform/probe-'] as const
export const leaseProbeKey = (lease: string, nonce: string): string => `${lease}.now-${nonce}`
export const storeProbeFolder = (nonce: string): string => `platform/probe-${nonce}/`
export const isProbeKey = (key: string): boolean =>
  /^platform\/(leases\/.+\.json\.now-[0-9a-f]{12}$|probe-[0-9a-f]{16}\/)/.test(key)

/** The lease of the one daemon that works on this store. */
export const DAEMON_LEASE = 'platform/leases/daemon.json'

const MANIFEST_END = '.json.zst.age'

export const manifestKey = (name: ManifestName): string =>
  `${manifestsPrefix(name.subject)}${name.instant}-${name.kind}-${name.backup}${MANIFEST_END}`

/** @throws Failure usage when the key is not one that manifestKey makes. */
export function parseManifestKey(key: string): ManifestName {
  const parts = /^(.+?)(?:\/backups)?\/manifests\/([\w.]+)-([a-z-]+)-([0-9a-f]+)\.json\.zst\.age$/.exec(key)
  const kind = BACKUP_KINDS.find(one => one === parts?.[3])
  if (!parts?.[1] || !parts[2] || !parts[4] || !kind)
    throw new Failure('usage', `not a manifest's key: ${key}`)
  const name = {
    subject: parseSubjectId(parts[1]),
    instant: parseInstant(parts[2]),
    kind,
    backup: parseBackupId(parts[4]),
  }
  if (manifestKey(name) !== key) throw new Failure('usage', `not a manifest's key: ${key}`)
  return name
}

/** The chunk id of a chunk's key; null for a key below chunks/ that is not of our making. */
export function parseChunkKey(subject: SubjectId, key: string): ChunkId | null {
  const name = key.slice(chunksPrefix(subject).length + 3)
  try {
    const id = parseChunkId(name)
    return chunkKey(subject, id) === key ? id : null
  } catch {
    return null
  }
}

/** Newest first: by instant, then by id so that the order is total even among copies made by hand. */
export function byNewest(a: ManifestName, b: ManifestName): number {
  return instantMs(b.instant) - instantMs(a.instant) || (a.backup < b.backup ? 1 : -1)
}

/** The prefixes to list so as to meet every manifest there is, and nothing of the application's documents. */
export const PLATFORM_SUBJECTS: readonly SubjectId[] = [MASTER, GLOBALS]
export const TENANTS_PREFIX = 'tenants/'
