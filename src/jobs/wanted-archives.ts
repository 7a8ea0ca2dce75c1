// Which archives of a subject are to be made now: this month's, and those of months in which no run could make one, out of the
// backup that is nearest to the month's beginning, as long as retention has left one. By listing alone.
import { ARCHIVE_MONTHS_BACK, monthOf, monthsBefore } from '../domain/archive-name.js'
import { instantMs } from '../domain/ids.js'
import type { SubjectId } from '../domain/subject.js'
import { listArchives, type StoredArchive } from '../repository/archive-list.js'
import { listManifests } from '../repository/manifests.js'
import type { ManifestName } from '../store/keys.js'
import type { Parts } from './parts.js'

export interface MonthRequest {
  month: string
  zone: string
  /** Months that were missed, too. */
  makeUp: boolean
}

export interface WantedArchives {
  /** This month's first; then what was missed, newest first. */
  make: { month: string; backup: string }[]
  skipped: { month: string; reason: string }[]
}

export async function wantedArchives(
  { repository: { store } }: Pick<Parts, 'repository'>,
  subject: SubjectId,
  request: MonthRequest,
  signal: AbortSignal,
): Promise<WantedArchives> {
  const archives = (await listArchives(store, subject, { signal })).filter(isWhole)
  const backups = await listManifests(store, subject, { signal })
  const reason = whyNot(archives, backups, request.month)
  const now: WantedArchives = reason
    ? { make: [], skipped: [{ month: request.month, reason }] }
    : { make: [{ month: request.month, backup: 'latest' }], skipped: [] }
  if (!request.makeUp) return now
  const missed = missedMonths(archives, backups, request)
  return { make: [...now.make, ...missed.make], skipped: [...now.skipped, ...missed.skipped] }
}

/** A run that is made up for, or repeated after a crash, does again only what is missing. */
function whyNot(
  archives: readonly StoredArchive[],
  [newest]: readonly ManifestName[],
  month: string,
): string | null {
  const same = archives.find(one => one.name.startsWith(month))
  if (same) return `${same.name} is there`
  if (!newest) return 'there is no backup to make it from'
  const [last] = archives
  // A tenant that left has its last archive; the same dump once more would tell nothing new.
  if (last && last.storedAt.getTime() > instantMs(newest.instant)) return `no backup since ${last.name}`
  return null
}

/** Since its first archive. What cannot be made up for any more is told once: while it lies behind the newest archive. */
function missedMonths(
  archives: readonly StoredArchive[],
  backups: readonly ManifestName[],
  { month, zone }: MonthRequest,
): WantedArchives {
  const missed: WantedArchives = { make: [], skipped: [] }
  const [newest, first] = [archives[0], archives.at(-1)]
  if (!newest || !first) return missed
  for (const earlier of monthsBefore(month, ARCHIVE_MONTHS_BACK)) {
    if (earlier < first.name.slice(0, 7) || archives.some(one => one.name.startsWith(earlier))) continue
    const nearest = backups.findLast(one => monthOf(new Date(instantMs(one.instant)), zone) === earlier)
    if (nearest) missed.make.push({ month: earlier, backup: nearest.backup })
    else if (earlier > newest.name)
      missed.skipped.push({ month: earlier, reason: 'it was missed, and no backup of that month is left' })
  }
  return missed
}

const isWhole = ({ indexed, bytes }: StoredArchive): boolean => indexed && bytes !== null
