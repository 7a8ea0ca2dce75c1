// Names that nothing answers to, found out before a run is started: whoever asks is told at once, and not by a run that fails.
// Where that cannot be told now (the server or the store is away), the run starts as ever, and says why it failed.
import { asFailure, type ErrorCode } from '../domain/errors.js'
import { type SubjectId, subjectNamed } from '../domain/subject.js'
import { chooseManifest, hasBackups, listManifests } from '../repository/manifests.js'
import { chooseSubjects } from './backup-all.js'
import { chooseStored } from './check-store.js'
import { look } from './list-tenants.js'
import { findArchive } from './open-archive.js'
import type { Parts } from './parts.js'

/** @throws Failure tenant-unknown, backup-unknown or archive-unknown, as the run would have failed; no other. */
export type KnownAtOnce = (parts: Parts, signal: AbortSignal) => Promise<void>

const UNKNOWN: readonly ErrorCode[] = ['tenant-unknown', 'backup-unknown', 'archive-unknown']

/** The server is asked, and not what is remembered of it: a tenant may have been made a minute ago. */
export const onServer = (names: readonly string[]): KnownAtOnce =>
  refusing(async (parts, signal) => {
    if (names.length > 0) chooseSubjects((await look(parts, signal)).subjects, names)
  })

/** Whether there is any backup of it. */
export const inStore = (subject: SubjectId): KnownAtOnce =>
  refusing(async ({ catalogue, repository: { store } }, signal) => {
    if (catalogue.list({ subject, limit: 1 }).length > 0) return
    chooseManifest(await listManifests(store, subject, { signal }), 'latest', subject)
  })

export const allInStore = (names: readonly string[]): KnownAtOnce =>
  refusing(async ({ catalogue, repository: { store } }, signal) => {
    const stored: SubjectId[] = []
    for (const subject of names.map(subjectNamed)) {
      const known = catalogue.list({ subject, limit: 1 }).length > 0
      if (known || (await hasBackups(store, subject, { signal }))) stored.push(subject)
    }
    if (names.length > 0) chooseStored(stored, names)
  })

export const archived = (subject: SubjectId, archive: string): KnownAtOnce =>
  refusing(async (parts, signal) => void (await findArchive(parts, subject, archive, signal)))

const refusing =
  (find: KnownAtOnce): KnownAtOnce =>
  async (parts, signal) => {
    try {
      await find(parts, signal)
    } catch (thrown) {
      if (UNKNOWN.includes(asFailure(thrown).code)) throw thrown
    }
  }
