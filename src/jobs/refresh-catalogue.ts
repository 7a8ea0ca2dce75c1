// The catalogue brought up to what the store has. It is told when a backup has gone from there that no sweep of ours took: by a
// rule of the bucket's provider, by somebody's hand, by another machine. Else only the restore that needs it would find out.
import type { SubjectId } from '../domain/subject.js'
import type { RefreshReport } from '../repository/catalogue.js'
import type { JobContext, Parts } from './parts.js'

/** Backups told in an event; the rest of them are known by their number. */
const TOLD = 10

/**
 * @param from what is kept of the catalogue as it was; `nothing` opens every manifest.
 * @returns with `gone` only those that no sweep took.
 * @throws Failure when the store cannot be read; single objects that cannot be used are in the report.
 */
export async function refreshCatalogue(
  { catalogue, repository, journal }: Parts,
  emit: JobContext['emit'],
  from: 'cache' | 'nothing' = 'cache',
): Promise<RefreshReport> {
  const report = await catalogue.refresh(repository, { from })
  const gone: RefreshReport['gone'] = []
  for (const [subject, backups] of bySubject(report.gone)) {
    // Said before a manifest is deleted: a process that died between the two left it in the catalogue.
    const swept = new Set(
      journal
        .eventsAbout(subject, ['backup-removal'])
        .flatMap(event => (event.type === 'backup-removal' ? [event.facts.backup] : [])),
    )
    const vanished = backups.filter(one => !swept.has(one.id))
    if (vanished.length === 0) continue
    gone.push(...vanished)
    const first = vanished.slice(0, TOLD).map(({ id, instant }) => ({ backup: id, instant }))
    emit({ type: 'backups-vanished', subject, facts: { count: vanished.length, first } })
  }
  return { ...report, gone }
}

function bySubject(gone: RefreshReport['gone']): Map<SubjectId, RefreshReport['gone']> {
  const groups = new Map<SubjectId, RefreshReport['gone']>()
  for (const one of gone) groups.set(one.subject, [...(groups.get(one.subject) ?? []), one])
  return groups
}
