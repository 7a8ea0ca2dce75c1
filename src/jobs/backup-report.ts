// How backups are told: one as an event's facts, a whole night as the end of its run.

import type { BackupFacts } from '../domain/backup-events.js'
import { Failure } from '../domain/errors.js'
import type { Manifest } from '../domain/manifest.js'
import type { SubjectId } from '../domain/subject.js'
import type { JobEnd } from './runner.js'

export interface NightReport {
  succeeded: Manifest[]
  failed: { subject: SubjectId; failure: Failure }[]
  /** What kept the night from seeing everything that should be backed up: no master, a list of tenants that cannot be asked. */
  problems: Failure[]
}

export function backupFacts(manifest: Manifest): BackupFacts {
  const tables = manifest.dump?.tables ?? []
  const { newBytes, newStoredBytes, reusedBytes } = manifest.stored
  return {
    backup: manifest.backup,
    kind: manifest.kind,
    instant: manifest.instant,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    tables: tables.length,
    streamBytes: manifest.stream.bytes,
    newBytes,
    newStoredBytes,
    reusedBytes,
    storedBytes: manifest.chunks.reduce((sum, chunk) => sum + chunk.storedBytes, 0),
    durationMs: Math.max(0, Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt)),
  }
}

/** How the night's run ends. @throws Failure when nothing at all was backed up: the only subject's own, or `partial`. */
export function endOfNight({ succeeded, failed, problems }: NightReport): JobEnd {
  const facts = { succeeded: succeeded.length, failed: failed.length }
  const [first] = failed
  if (succeeded.length > 0 || !first) {
    return { outcome: first || problems.length > 0 ? 'partial' : 'succeeded', facts }
  }
  if (failed.length === 1) throw first.failure
  throw new Failure('partial', `none of ${failed.length} subjects was backed up`, {
    cause: first.failure,
    facts,
  })
}
