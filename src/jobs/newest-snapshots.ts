// The newest snapshot of each server, as the journal tells it: nothing is asked of Hetzner for a status page.
import type { SnapshotFacts } from '../domain/snapshot-events.js'
import type { Parts } from './parts.js'

const RUNS_LOOKED_AT = 50

/** By server's name. */
export function newestSnapshots({ journal }: Pick<Parts, 'journal'>): SnapshotFacts[] {
  const runs = ['snapshot-servers', 'snapshot-create'].flatMap(job =>
    journal.runs({ job, limit: RUNS_LOOKED_AT }),
  )
  const newest = new Map<string, SnapshotFacts>()
  for (const run of runs) {
    for (const event of journal.events({ run: run.id })) {
      if (event.type !== 'snapshot-made') continue
      const known = newest.get(event.facts.server)
      if (!known || known.created < event.facts.created) newest.set(event.facts.server, event.facts)
    }
  }
  return [...newest.values()].sort((a, b) => (a.server < b.server ? -1 : 1))
}
