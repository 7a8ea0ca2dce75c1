// The catalogue brought up to what the store has. It is told when a backup has gone from there that no sweep of ours took: by a
// rule of the bucket's provider, by somebody's hand, by another machine. Else only the restore that needs it would find out.
import type { EventFacts } from '../domain/events.js'
import type { SubjectId } from '../domain/subject.js'
import type { GoneBackup, RefreshOptions, RefreshReport } from '../repository/refresh-report.js'
import type { Parts } from './parts.js'

/** Backups told in an event; the rest of them are known by their number. */
const TOLD = 10

export interface BackupsVanished {
  type: 'backups-vanished'
  subject: SubjectId
  facts: EventFacts['backups-vanished']
}

/**
 * @param options.from what is kept of the catalogue as it was; `nothing` opens every manifest.
 * @returns with `gone` only those that no sweep took.
 * @throws Failure when the store cannot be read; single objects that cannot be used are in the report.
 */
export async function refreshCatalogue(
  { catalogue, repository, journal }: Parts,
  tell: (event: BackupsVanished) => void,
  options: Omit<RefreshOptions, 'onGone'> = { from: 'cache' },
): Promise<RefreshReport> {
  const gone: GoneBackup[] = []
  const onGone = (subject: SubjectId, backups: readonly GoneBackup[]): void => {
    const vanished = notSwept(journal, subject, backups)
    if (vanished.length === 0) return
    const first = vanished.slice(0, TOLD).map(({ id, instant }) => ({ backup: id, instant }))
    tell({ type: 'backups-vanished', subject, facts: { count: vanished.length, first } })
    gone.push(...vanished)
  }
  const report = await catalogue.refresh(repository, { ...options, onGone })
  return { ...report, gone }
}

/** A removal is said before the manifest is deleted: a process that died between the two left it in the catalogue. */
function notSwept(
  journal: Parts['journal'],
  subject: SubjectId,
  backups: readonly GoneBackup[],
): GoneBackup[] {
  const swept = new Set(
    journal
      .eventsAbout(subject, ['backup-removal'])
      .flatMap(event => (event.type === 'backup-removal' ? [event.facts.backup] : [])),
  )
  return backups.filter(one => !swept.has(one.id))
}
