// What Prometheus reads of drills, retention and archives: folds over the journal, few events a night whatever the platform.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { EventType, StoredEvent } from '../domain/events.js'
import type { RunId } from '../domain/ids.js'
import type { Run } from '../jobs/journal-rows.js'

/** A fold over the journal. `run` gives a run of it as it ended. */
export interface Fold {
  types: readonly EventType[]
  take(event: StoredEvent): void
}

const gaugeIn =
  (registry: Registry) =>
  (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name: `gmah_backup_${name}`, help, labelNames, registers: [registry] })

const counterIn =
  (registry: Registry) =>
  (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name: `gmah_backup_${name}_total`, help, labelNames, registers: [registry] })

/** Test restores: how they ended, who was left out of the last night and why, how much of the platform is proven. */
export function drillMetrics(registry: Registry): Fold {
  const [gauge, counter] = [gaugeIn(registry), counterIn(registry)]
  const verdicts = counter('proofs', 'Test restores ended; error: no verdict on the backup', 'outcome')
  const archives = counter('archive_drills', 'Dumps in archives restored for a proof', 'outcome')
  const left = gauge('drill_left_out', 'Subjects that the last night of drills left out', 'reason')
  const coverage = gauge('drill_coverage_ratio', 'Part of the subjects whose proof is young enough')
  const subjects = gauge('drill_subjects', 'Subjects with a backup, and those proven of late', 'state')
  return {
    types: [
      ...(['proof-passed', 'proof-failed', 'drill-failed', 'archive-drilled'] as const),
      ...(['drill-planned', 'drill-left-out', 'drills-covered'] as const),
    ],
    take: event => {
      switch (event.type) {
        case 'proof-passed':
          return verdicts.inc({ outcome: 'passed' })
        case 'proof-failed':
          return verdicts.inc({ outcome: 'failed' })
        case 'drill-failed':
          return verdicts.inc({ outcome: 'error' })
        case 'archive-drilled':
          return archives.inc({ outcome: event.facts.outcome })
        case 'drill-planned':
          for (const reason of ['budget', 'disk']) left.set({ reason }, 0)
          return
        case 'drill-left-out':
          return left.inc({ reason: event.facts.reason })
        case 'drills-covered':
          coverage.set(event.facts.subjects === 0 ? 1 : event.facts.proven / event.facts.subjects)
          subjects.set({ state: 'known' }, event.facts.subjects)
          return subjects.set({ state: 'proven' }, event.facts.proven)
        default:
      }
    },
  }
}

/** Sweeps: what is kept, what waits for a yes, what went, and when more goes. */
export function retentionMetrics(registry: Registry, run: (id: RunId) => Run | null): Fold {
  const [gauge, counter] = [gaugeIn(registry), counterIn(registry)]
  const kept = gauge('retention_kept_backups', 'Backups that the last sweep meant to keep')
  const held = gauge('retention_held_backups', 'Removals of the last sweep that wait for a yes')
  const removed = counter('retention_removed_backups', 'Backups removed')
  const freed = counter('retention_freed_bytes', 'Stored bytes that sweeps deleted')
  const next = gauge('retention_next_removal_timestamp_seconds', 'The day on which the next backup will go')
  // Not the first of January 1970.
  next.remove()
  return {
    types: ['sweep-planned', 'run-finished'],
    take: event => {
      if (event.type === 'sweep-planned') {
        kept.set(event.facts.backups - event.facts.remove)
        held.set(event.facts.refused)
      }
      if (event.type !== 'run-finished' || event.facts.job !== 'sweep' || event.run === null) return
      const facts = run(event.run)?.facts ?? {}
      removed.inc(numberOf(facts.removed))
      freed.inc(numberOf(facts.removedBytes))
      if (typeof facts.nextRemoval === 'string') next.set(Date.parse(facts.nextRemoval) / 1000)
      // None in sight: the day of the sweep before would only grow older.
      else if (typeof facts.kept === 'number') next.remove()
    },
  }
}

/** Monthly archives: the newest of each subject, and how making them ended. */
export function archiveMetrics(registry: Registry): Fold {
  const [gauge, counter] = [gaugeIn(registry), counterIn(registry)]
  const made = gauge(
    'archive_last_timestamp_seconds',
    'When the newest archive of a subject was stored',
    'subject',
  )
  const bytes = gauge('archive_last_bytes', 'What it takes in the store', 'subject')
  const seconds = gauge('archive_last_duration_seconds', 'How long making it took', 'subject')
  const missing = gauge('archive_last_missing_files', 'Files that were listed and are not in it', 'subject')
  const ended = counter(
    'archives',
    'Archives ended, by outcome: stored, or the error that it failed of',
    'outcome',
  )
  return {
    types: ['archive-stored', 'archive-failed'],
    take: event => {
      if (event.type === 'archive-failed') return ended.inc({ outcome: event.facts.error.code })
      if (event.type !== 'archive-stored' || event.subject === null) return
      const { subject, facts } = event
      ended.inc({ outcome: 'stored' })
      made.set({ subject }, Date.parse(event.at) / 1000)
      bytes.set({ subject }, facts.storedBytes)
      seconds.set({ subject }, facts.durationMs / 1000)
      missing.set({ subject }, facts.missing)
    },
  }
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0)
