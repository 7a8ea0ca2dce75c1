// Which archives there are: by listing alone, so that it needs no key, and works with the archive key kept elsewhere.
import { type ArchiveName, byName } from '../domain/archive-name.js'
import type { SubjectId } from '../domain/subject.js'
import { archiveIndexKey, archiveKey, archivesPrefix, parseArchiveKey } from '../store/keys.js'
import type { Store } from '../store/port.js'

export interface StoredArchive {
  subject: SubjectId
  name: ArchiveName
  /** Of the archive itself; null when there is only an index. */
  bytes: number | null
  storedAt: Date
  /** The index comes last: without it nobody has read the archive back. */
  indexed: boolean
}

/** The youngest month first: one that was made up for later stays behind those after it. */
export async function listArchives(
  store: Store,
  subject: SubjectId,
  options: { signal?: AbortSignal } = {},
): Promise<StoredArchive[]> {
  const found = new Map<ArchiveName, StoredArchive>()
  for await (const { key, bytes, modifiedAt } of store.list(archivesPrefix(subject), options)) {
    const parsed = parseArchiveKey(subject, key)
    if (!parsed) continue
    const { name, part } = parsed
    const known = found.get(name) ?? { subject, name, bytes: null, storedAt: modifiedAt, indexed: false }
    const own = part === 'archive' ? { bytes, storedAt: modifiedAt } : { indexed: true }
    found.set(name, { ...known, ...own })
  }
  return [...found.values()].sort((a, b) => byName(a.name, b.name))
}

/** The index first: from then on the archive counts for nothing. @throws Failure store-locked */
export async function deleteArchive(
  store: Store,
  subject: SubjectId,
  name: ArchiveName,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  await store.delete(archiveIndexKey(subject, name), options)
  await store.delete(archiveKey(subject, name), options)
}
