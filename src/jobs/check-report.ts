// What a check found, of one subject and of all, and how its run ends.
import type { ErrorCode, Failure } from '../domain/errors.js'
import type { BackupId } from '../domain/ids.js'
import type { SubjectId } from '../domain/subject.js'
import type { ChunkDamage } from '../repository/damage.js'
import type { GoneBackup } from '../repository/refresh-report.js'
import type { Coverage } from './check-reading.js'
import type { JobEnd } from './runner.js'

export interface SubjectCheck {
  subject: SubjectId
  backups: number
  chunks: number
  storedBytes: number
  readChunks: number
  readBytes: number
  /** Found by this check, and marked. */
  damaged: ChunkDamage[]
  /** Marked before, and still not whole. */
  stillDamaged: number
  /** Bad chunks that no backup needs, marked so that no dump relies on them: nothing is lost by them. */
  unneeded: ChunkDamage[]
  /** Store keys of chunks that were marked and are whole again. */
  healed: string[]
  broken: { backup: BackupId; message: string }[]
  /** Keys and manifests that cannot be used, or could not be without this machine. */
  problems: { key: string; code: ErrorCode; message: string; hint: string }[]
}

export interface CheckReport {
  checked: SubjectCheck[]
  /** Subjects that could not be looked at: their key is of no use. */
  failed: { subject: SubjectId; failure: Failure }[]
  /** Backups that have gone from the store since the last look, and that no sweep took. */
  gone: GoneBackup[]
  /** The budget kept something from being read back. */
  short: boolean
  coverage: Coverage | null
}

/** Everything about the subject is as it should be. */
export const isSound = ({ stillDamaged, damaged, broken, problems }: SubjectCheck): boolean =>
  stillDamaged + damaged.length + broken.length + problems.length === 0

/** How the check's run ends. @throws Failure when no subject could be looked at. */
export function endOfCheck({ checked, failed, gone, short, coverage }: CheckReport): JobEnd {
  const [first] = failed
  if (first && checked.length === 0) throw first.failure
  const sum = (of: (check: SubjectCheck) => number) => checked.reduce((total, one) => total + of(one), 0)
  const sound = failed.length + gone.length === 0 && checked.every(isSound)
  return {
    outcome: sound ? 'succeeded' : 'partial',
    facts: {
      subjects: checked.length,
      failed: failed.length,
      backups: sum(one => one.backups),
      chunks: sum(one => one.chunks),
      readBytes: sum(one => one.readBytes),
      damaged: sum(one => one.damaged.length + one.stillDamaged),
      healed: sum(one => one.healed.length),
      broken: sum(one => one.broken.length),
      ...(gone.length > 0 ? { gone: gone.length } : {}),
      ...(short ? { short } : {}),
      ...(coverage ? { coverage } : {}),
    },
  }
}
