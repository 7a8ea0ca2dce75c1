// What bringing the catalogue up to date found out about the store.
import { asFailure, type ErrorCode } from '../domain/errors.js'
import type { BackupId, Instant } from '../domain/ids.js'
import type { SubjectId } from '../domain/subject.js'

export interface RefreshOptions {
  from: 'cache' | 'nothing'
  /** All subjects without it. */
  only?: readonly SubjectId[]
  signal?: AbortSignal
  /** Called before the catalogue forgets them: who dies over it hears of them again. */
  onGone?(subject: SubjectId, gone: readonly GoneBackup[]): void
}

/** The catalogue knew it, and the store has it no more. */
export interface GoneBackup {
  subject: SubjectId
  id: BackupId
  instant: Instant
}

export interface RefreshReport {
  subjects: number
  backups: number
  added: number
  gone: GoneBackup[]
  /** What could not be opened: these objects are in the store, and are not counted as backups. */
  problems: { key: string; code: ErrorCode; message: string }[]
}

/** What is wrong with one object. @throws what was thrown when it tells of the store or of our own disk instead. */
export function problemOf(key: string, thrown: unknown): RefreshReport['problems'][number] {
  const { code, message } = asFailure(thrown)
  if (code.startsWith('store-') || code === 'disk-full') throw thrown
  return { key, code, message }
}
