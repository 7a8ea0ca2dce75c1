// Every archive in the store, newest first within each subject.
import { isSubjectId, type SubjectId } from '../domain/subject.js'
import { listArchives, type StoredArchive } from '../repository/archive-list.js'
import { PLATFORM_SUBJECTS, TENANTS_PREFIX } from '../store/keys.js'
import type { Store } from '../store/port.js'
import type { Parts } from './parts.js'

export type { StoredArchive }

/** @param subject null: all of them, tenants without a backup left included. */
export async function listAllArchives(
  { repository: { store } }: Pick<Parts, 'repository'>,
  subject: SubjectId | null,
): Promise<StoredArchive[]> {
  const found: StoredArchive[] = []
  for (const one of subject ? [subject] : await candidates(store)) {
    found.push(...(await listArchives(store, one)))
  }
  return found
}

async function candidates(store: Store): Promise<SubjectId[]> {
  const all: SubjectId[] = [...PLATFORM_SUBJECTS]
  for await (const folder of store.folders(TENANTS_PREFIX)) {
    const id = TENANTS_PREFIX + folder.slice(0, -1)
    if (isSubjectId(id)) all.push(id)
  }
  return all
}
