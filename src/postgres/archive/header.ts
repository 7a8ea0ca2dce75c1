// The archive's header: which layout follows, and where and when the dump was made.
// Guarantees that only layouts this reader knows get past it: archive versions 1.14 to 1.16, uncompressed.
// Layout: WriteHead and ReadHead in src/bin/pg_dump/pg_backup_archiver.c; versions: K_VERS_* in pg_backup_archiver.h.
import type { Source, Step } from './source.js'

export interface HeaderFacts {
  /** `1.14` for PostgreSQL 12 to 15, `1.15` for 16, `1.16` for 17 and 18. */
  archiveVersion: string
  /** As the server and pg_dump print them, with what the packager added. */
  serverVersion: string
  dumpVersion: string
  database: string
  /** `2026-11-23T02:15:00` in the time zone of the pg_dump process: the format does not name it. */
  createdAt: string
}

/** What the rest of the archive depends on. */
export interface Layout {
  minor: number
  offsetBytes: number
}

const MAGIC = 'PGDMP'
const MAJOR = 1
const OLDEST_MINOR = 14
/** From here on the header names the compression algorithm instead of a level. */
const ALGORITHM_MINOR = 15
export const RELKIND_MINOR = 16
const NEWEST_MINOR = 16
const FORMAT_CUSTOM = 1
const INT_BYTES = 4

/** @throws Failure dump-invalid */
export function* readHeader(source: Source): Step<{ facts: HeaderFacts; layout: Layout }> {
  yield* readMagic(source)
  const { minor, revision } = yield* readVersion(source)
  const intBytes = yield* source.byte()
  if (intBytes !== INT_BYTES) throw source.invalid(`integers of ${intBytes} bytes`)
  const offsetBytes = yield* source.byte()
  if (offsetBytes !== 4 && offsetBytes !== 8) throw source.invalid(`file offsets of ${offsetBytes} bytes`)
  const format = yield* source.byte()
  if (format !== FORMAT_CUSTOM) throw source.invalid(`archive format ${format}`, 'run pg_dump with -Fc')
  const compression = minor < ALGORITHM_MINOR ? yield* source.int() : yield* source.byte()
  if (compression !== 0) {
    throw source.invalid('the archive is compressed', 'run pg_dump with -Z0: chunks are compressed later')
  }
  const createdAt = yield* readTime(source)
  const database = (yield* source.text()) ?? ''
  const serverVersion = (yield* source.text()) ?? ''
  const dumpVersion = (yield* source.text()) ?? ''
  const archiveVersion = revision === 0 ? `${MAJOR}.${minor}` : `${MAJOR}.${minor}.${revision}`
  const facts = { archiveVersion, serverVersion, dumpVersion, database, createdAt }
  return { facts, layout: { minor, offsetBytes } }
}

function* readMagic(source: Source): Step<void> {
  for (const letter of MAGIC) {
    if ((yield* source.byte()) !== letter.charCodeAt(0)) {
      throw source.invalid('not a PostgreSQL archive', 'run pg_dump with -Fc')
    }
  }
}

function* readVersion(source: Source): Step<{ minor: number; revision: number }> {
  const major = yield* source.byte()
  const minor = yield* source.byte()
  const revision = yield* source.byte()
  if (major > MAJOR || (major === MAJOR && minor > NEWEST_MINOR)) {
    throw source.invalid(
      `archive version ${major}.${minor} is newer than this program knows`,
      'upgrade gmah-backup, or set postgres.tools_directory to the folder of a pg_dump of PostgreSQL 12 to 18',
    )
  }
  if (major < MAJOR || minor < OLDEST_MINOR) {
    throw source.invalid(
      `archive version ${major}.${minor} is older than this program knows`,
      'set postgres.tools_directory to the folder of a pg_dump of PostgreSQL 12 to 18',
    )
  }
  return { minor, revision }
}

/** The fields of C's struct tm, as localtime() filled them: months from 0, years from 1900. */
function* readTime(source: Source): Step<string> {
  const fields: number[] = []
  for (let n = 0; n < 7; n++) fields.push(yield* source.int())
  const [second = 0, minute = 0, hour = 0, day = 0, month = 0, year = 0] = fields
  const within = (value: number, low: number, high: number) => value >= low && value <= high
  const sound =
    within(second, 0, 60) &&
    within(minute, 0, 59) &&
    within(hour, 0, 23) &&
    within(day, 1, 31) &&
    within(month, 0, 11)
  if (!sound || !within(year, 0, 8099)) throw source.invalid(`the date fields ${fields.join(', ')}`)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${year + 1900}-${two(month + 1)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}`
}
