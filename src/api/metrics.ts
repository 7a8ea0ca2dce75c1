// What Prometheus reads. Metrics are a fold over the journal (so they survive restarts and see the command line's runs too)
// and over what the store's wrapper and the live events tell; no stage knows of them.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { EventType } from '../domain/events.js'
import type { RunId } from '../domain/ids.js'
import { isLive } from '../domain/live-events.js'
import { type OperationReport, STORE_OPERATIONS } from '../domain/store-operations.js'
import type { Journal } from '../jobs/journal.js'
import { proofWindowMs } from '../jobs/surroundings.js'
import type { Clock } from '../sys/clock.js'
import { snapshotMetrics } from './snapshot-metrics.js'
import { type StandingSources, standingGauges } from './standing-metrics.js'
import { type SubjectSources, subjectGauges } from './subject-metrics.js'
import { archiveMetrics, drillMetrics, type Fold, retentionMetrics } from './work-metrics.js'

export interface Metrics {
  contentType: string
  /** Reads what the journal gained, then everything in Prometheus' text format. */
  render(): Promise<string>
  /** One store operation that ended. */
  observeStore(report: OperationReport): void
  /** Stops listening and clears the registry. */
  close(): void
}

export interface MetricsSources extends StandingSources, SubjectSources {
  journal: Journal
  clock: Clock
  version: string
}

/** Rare types are far apart: a page of a thousand of them held the event loop for 60 ms. */
const PAGE = 200
const BUCKETS_SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Metrics in a registry of their own. */
export function createMetrics({ journal, ...sources }: MetricsSources): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  // Gauges that are called like counters: the same figures are there by type under names that are right.
  for (const what of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${what}_total`)
  }
  tellVersion(registry, sources.version)
  const store = storeMetrics(registry)
  const absorb = absorber({ journal, clock: sources.clock }, [
    runMetrics(registry),
    snapshotMetrics(registry),
    drillMetrics(registry),
    retentionMetrics(registry, id => journal.run(id)),
    archiveMetrics(registry),
  ])
  const readSubjects = subjectGauges(registry, sources)
  const readStanding = standingGauges(registry, sources)
  collectRunning(registry, journal)
  collectWindows(registry, sources.schedules)
  const unsubscribe = watchDumps(registry, journal)
  return {
    contentType: registry.contentType,
    render: async () => {
      await absorb()
      readSubjects()
      readStanding()
      return registry.metrics()
    },
    observeStore: store,
    close: () => {
      unsubscribe()
      registry.clear()
    },
  }
}

/** Reads on where it stopped. Two scrapes at once share one reading, and years of journal leave turns to whoever else asks. */
function absorber({ journal, clock }: Pick<MetricsSources, 'journal' | 'clock'>, folds: readonly Fold[]) {
  const byType = new Map<EventType, Fold[]>()
  for (const fold of folds) {
    for (const type of fold.types) byType.set(type, [...(byType.get(type) ?? []), fold])
  }
  const types = [...byType.keys()]
  let seenSeq = 0
  const read = async (): Promise<void> => {
    for (;;) {
      const page = journal.events({ afterSeq: seenSeq, types, limit: PAGE })
      for (const event of page) {
        for (const fold of byType.get(event.type) ?? []) fold.take(event)
        seenSeq = event.seq
      }
      if (page.length < PAGE) return
      await clock.sleep(0)
    }
  }
  let reading: Promise<void> | null = null
  return (): Promise<void> => {
    reading ??= read().finally(() => {
      reading = null
    })
    return reading
  }
}

/** How runs ended. */
function runMetrics(registry: Registry): Fold {
  const registers = [registry]
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name: `gmah_backup_${name}_total`, help, labelNames, registers })
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `gmah_backup_job_last_${name}`, help, labelNames: ['job'], registers })
  const runs = counter('runs', 'Runs ended, by job and outcome', 'job', 'outcome')
  const missed = counter('runs_missed', 'Due instants that nobody ran', 'job')
  const failures = counter(
    'subject_failures',
    'Backups that failed, by subject and error code',
    'subject',
    'code',
  )
  const success = gauge('success_timestamp_seconds', 'When a job last succeeded as a whole')
  const seconds = gauge('duration_seconds', 'How long the last run of a job took, however it ended')
  return {
    types: ['run-finished', 'run-interrupted', 'run-cancelled', 'run-missed', 'backup-failed'],
    take: event => {
      switch (event.type) {
        case 'run-finished': {
          const { job, outcome, durationMs } = event.facts
          runs.inc({ job, outcome })
          if (event.subject !== null) return
          seconds.set({ job }, durationMs / 1000)
          if (outcome === 'succeeded') success.set({ job }, Date.parse(event.at) / 1000)
          return
        }
        case 'run-interrupted':
          return runs.inc({ job: event.facts.job, outcome: 'interrupted' })
        case 'run-cancelled':
          return runs.inc({ job: event.facts.job, outcome: 'cancelled' })
        case 'run-missed':
          return missed.inc({ job: event.facts.job })
        case 'backup-failed':
          if (event.facts.error.code === 'cancelled') return
          return failures.inc({ subject: event.subject ?? '', code: event.facts.error.code })
        default:
      }
    },
  }
}

function storeMetrics(registry: Registry): Metrics['observeStore'] {
  const registers = [registry]
  const seconds = new Histogram({
    name: 'gmah_backup_store_operation_seconds',
    help: 'Store operations, each attempt by itself, by operation and code (ok or an error code)',
    labelNames: ['operation', 'code'],
    buckets: BUCKETS_SECONDS,
    registers,
  })
  // There before the first of them: a series that begins at one has had no increase.
  for (const operation of STORE_OPERATIONS) seconds.zero({ operation, code: 'ok' })
  const moved = new Counter({
    name: 'gmah_backup_store_transferred_bytes_total',
    help: 'Bytes of objects sent to the store, or got from it',
    labelNames: ['operation'],
    registers,
  })
  return ({ operation, code, durationMs, bytes }) => {
    seconds.observe({ operation, code }, durationMs / 1000)
    if (bytes > 0) moved.inc({ operation }, bytes)
  }
}

function tellVersion(registry: Registry, version: string): void {
  const name = 'gmah_backup_build_info'
  const help = 'Always 1; the version that runs is in its label'
  new Gauge({ name, help, labelNames: ['version'], registers: [registry] }).set({ version }, 1)
}

function collectRunning(registry: Registry, journal: Journal): void {
  new Gauge({
    name: 'gmah_backup_runs_running',
    help: 'Runs in progress, of every process on this machine',
    registers: [registry],
    collect() {
      this.set(journal.runs({ state: 'running', limit: PAGE }).length)
    },
  })
}

function collectWindows(registry: Registry, schedules: MetricsSources['schedules']): void {
  new Gauge({
    name: 'gmah_backup_freshness_window_seconds',
    help: 'The last success of a job must never be older than this',
    labelNames: ['schedule', 'job'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { name, job, freshnessWindowMs } of schedules()) {
        this.set({ schedule: name, job }, freshnessWindowMs / 1000)
      }
    },
  })
  new Gauge({
    name: 'gmah_backup_proof_window_seconds',
    help: 'No proof must become older than this; absent when no schedule makes proofs',
    registers: [registry],
    collect() {
      this.remove()
      const windowMs = proofWindowMs(schedules())
      if (windowMs !== null) this.set(windowMs / 1000)
    },
  })
}

/** Dumps in progress in this process: from backup-started to the event that ends them, or the end of their run. */
function watchDumps(registry: Registry, journal: Journal): () => void {
  const dumps = new Map<string, RunId | null>()
  new Gauge({
    name: 'gmah_backup_dumps_running',
    help: 'Dumps in progress in this process',
    registers: [registry],
    collect() {
      this.set(dumps.size)
    },
  })
  return journal.subscribe(event => {
    if (isLive(event)) return
    const key = `${event.run} ${event.subject}`
    if (event.type === 'backup-started') dumps.set(key, event.run)
    if (event.type === 'backup-committed' || event.type === 'backup-failed') dumps.delete(key)
    if (['run-finished', 'run-interrupted', 'run-cancelled'].includes(event.type)) {
      for (const [dump, run] of dumps) if (run === event.run) dumps.delete(dump)
    }
  })
}
