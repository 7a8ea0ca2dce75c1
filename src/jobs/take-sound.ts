// A backup may turn out to be broken only while it is read: then the restore starts again with the one before, and says so.
import { asFailure, type Failure } from '../domain/errors.js'
import { type BackupId, parseBackupId } from '../domain/ids.js'
import { isBroken, type PassedOver, tellPassedOver } from './choose-backup.js'
import type { JobContext } from './parts.js'

/**
 * Attempts until one does not fail of its backup. The attempt chooses a backup, passing over those it is given; when none
 * is left it fails of the newest one's failure.
 */
export async function takeSound<T extends { passedOver: PassedOver[] }>(
  context: JobContext,
  attempt: (without: ReadonlyMap<BackupId, Failure>) => Promise<T>,
): Promise<T> {
  const without = new Map<BackupId, Failure>()
  for (;;) {
    try {
      const done = await attempt(without)
      tellPassedOver(done.passedOver, context)
      return done
    } catch (thrown) {
      const failure = asFailure(thrown)
      const backup = brokenBackup(failure)
      if (backup === null || without.has(backup)) throw thrown
      without.set(backup, failure)
    }
  }
}

/** The backup of which a failure says that it cannot be read back. */
function brokenBackup(failure: Failure): BackupId | null {
  const { backup } = failure.facts
  return isBroken(failure) && typeof backup === 'string' ? parseBackupId(backup) : null
}
