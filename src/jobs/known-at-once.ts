// Names that nothing answers to, found out before a run is started: whoever asks is told at once, and not by a run that fails.
// Where that cannot be told now (the server or the store is away), the run starts as ever, and says why it failed.
import { asFailure, type ErrorCode } from '../domain/errors.js'
import type { Playbook } from '../domain/playbook.js'
import { type SubjectId, subjectNamed } from '../domain/subject.js'
import { chooseManifest, hasBackups, listManifests } from '../repository/manifests.js'
import { chooseSubjects } from './backup-all.js'
import { chooseStored } from './check-store.js'
import { look } from './list-tenants.js'
import { findArchive } from './open-archive.js'
import type { Parts } from './parts.js'
import { preparePlaybook } from './run-playbook.js'

/** @throws Failure tenant-unknown, backup-unknown, archive-unknown or usage, as the run would have failed; no other. */
export type KnownAtOnce = (parts: Parts, signal: AbortSignal) => Promise<void>

/** `usage`: what is neither the name of a backup nor an instant, or the beginning of two names. */
const UNKNOWN: readonly ErrorCode[] = ['tenant-unknown', 'backup-unknown', 'archive-unknown', 'usage']

/** The server is asked, and not what is remembered of it: a tenant may have been made a minute ago. */
export const onServer = (names: readonly string[]): KnownAtOnce =>
  refusing(async (parts, signal) => {
    if (names.length > 0) chooseSubjects((await look(parts, signal)).subjects, names)
  })

/** Whether there is this backup of it; any one where the newest is meant. */
export const inStore = (subject: SubjectId, backup: string): KnownAtOnce =>
  refusing(async ({ catalogue, repository: { store } }, signal) => {
    if (backup === 'latest' && catalogue.list({ subject, limit: 1 }).length > 0) return
    chooseManifest(await listManifests(store, subject, { signal }), backup, subject)
  })

/** Every backup that a playbook's steps take; none that may be made by a step before. */
export const playedBackups = (playbook: Playbook, given: Readonly<Record<string, string>>): KnownAtOnce =>
  refusing(async (parts, signal) => {
    for (const { step } of preparePlaybook(playbook, given)) {
      if (step.do === 'backup') return
      if ('backup' in step) await inStore(subjectNamed(step.tenant), step.backup)(parts, signal)
    }
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
