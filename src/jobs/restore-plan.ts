// What a restore would do, as plain data: for the person who decides, for the API that gives it an id, for the run's report.
import type { ErrorCode, Failure } from '../domain/errors.js'
import type { BackupId } from '../domain/ids.js'
import type { BackupKind, Manifest } from '../domain/manifest.js'
import type { SubjectId } from '../domain/subject.js'
import type { TableName } from '../postgres/archive/choose-entries.js'
import type { Connections } from '../postgres/occupancy.js'
import type { PassedOver } from './choose-backup.js'
import type { ExpectedTime } from './restore-rate.js'

export interface PlanRequest {
  subject: SubjectId
  /** `latest`, a backup id or its beginning, or an instant (the newest not after it). */
  backup: string
  /** Name of the new database; null: in place of the live one. */
  database: string | null
  /** Roles that are missing may be created from the globals backup. */
  withRoles: boolean
  /** Only these tables; all that there is when it is left out. */
  tables?: readonly TableName[] | undefined
  /** Into a new schema of this name in the live database; `database` is null then. */
  intoSchema?: string | null | undefined
}

export interface RestorePlan {
  subject: SubjectId
  inPlace: boolean
  /** What will hold the restored data. */
  database: string
  /** The schema that will, when only that is new. */
  intoSchema: string | null
  backup: PlannedBackup
  /** The monthly archive that the backup is taken from; null: the backups' own chunks. */
  archive: string | null
  /** What of the backup is asked for; null: all of it. */
  part: PlannedPart | null
  /** From the backup's instant to the one asked for; null when none was. */
  gapSeconds: number | null
  /** Newer backups that are broken, and why. */
  passedOver: PassedOver[]
  expected: ExpectedTime & {
    /** For the safety copy of what is there now; 0 where none is made. */
    safetyCopySeconds: number
  }
  /** The tenant's database as it is now; null when it is gone. */
  live: LiveDatabase | null
  /** What is younger than the backup, and in place would be set aside. */
  younger: Younger
  missingRoles: string[]
  versions: { backup: string; server: string }
  disk: { neededBytes: number; freeBytes: number | null }
  /** Everything that stands in the way; empty: it can start. */
  problems: PlanProblem[]
}

export interface PlannedBackup {
  backup: BackupId
  kind: BackupKind
  label: string | null
  /** ISO 8601. */
  instant: string
  ageSeconds: number
  tables: number
  rows: number
  bytes: number
  storedBytes: number
}

export interface PlannedPart {
  /** Partitions by themselves. */
  tables: { schema: string; name: string; rows: number }[]
  rows: number
  bytes: number
  /** What is fetched of the backup's chunks. */
  fetchedChunks: number
  fetchedBytes: number
}

export interface LiveDatabase {
  database: string
  bytes: number
  /** Clients that are connected; in place they are ended. */
  connections: Connections[]
  /** Properties of the database itself that the backup has otherwise. */
  changes: { name: string; backup: string; now: string }[]
}

export interface Younger {
  seconds: number
  /** What the whole server wrote since, all databases together; null when it cannot be known. */
  walBytes: number | null
  /** Tables whose rows now differ from the backup's, as the server estimates them; null when it cannot be asked. */
  tables: { schema: string; name: string; backup: number | null; now: number | null }[] | null
}

export interface PlanProblem {
  code: ErrorCode
  message: string
  hint: string
}

export const planProblem = ({ code, message, hint }: Failure): PlanProblem => ({ code, message, hint })

export function plannedBackup(manifest: Manifest, now: Date): PlannedBackup {
  const tables = manifest.dump?.tables ?? []
  const { backup, kind, label, instant, stream, chunks } = manifest
  return {
    backup,
    kind,
    label,
    instant,
    ageSeconds: secondsBetween(instant, now),
    tables: tables.length,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    bytes: stream.bytes,
    storedBytes: chunks.reduce((sum, chunk) => sum + chunk.storedBytes, 0),
  }
}

export const secondsBetween = (instant: string, later: Date): number =>
  Math.max(0, (later.getTime() - Date.parse(instant)) / 1000)

/** The instant that was asked for; null for `latest` and ids. */
export function askedInstant(wanted: string): Date | null {
  if (wanted === 'latest' || /^[0-9a-f]{4,12}$/.test(wanted)) return null
  const iso = wanted.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d(?:\.\d+)?)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const time = Date.parse(iso)
  return Number.isNaN(time) ? null : new Date(time)
}
