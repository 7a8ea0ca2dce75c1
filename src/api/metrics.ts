// What Prometheus reads. Metrics are a fold over the journal (so they survive restarts and see the command line's runs too)
// and over what the store's wrapper and the live events tell; no stage knows of them.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { BackupFacts, StoredEvent } from '../domain/events.js'
import type { RunId } from '../domain/ids.js'
import { isLive } from '../domain/live-events.js'
import type { Schedule } from '../domain/schedule.js'
import type { SubjectId } from '../domain/subject.js'
import type { Journal } from '../jobs/journal.js'
import { snapshotGauges } from './snapshot-metrics.js'
import { collectStanding, type StandingSources } from './standing-metrics.js'

export interface Metrics {
  contentType: string
  /** Reads what the journal gained, then everything in Prometheus' text format. */
  render(): Promise<string>
  /** One store operation that ended: `code` is `ok` or the Failure's code. */
  observeStore(operation: string, code: string, seconds: number): void
  /** Stops listening and clears the registry. */
  close(): void
}

export interface MetricsSources extends StandingSources {
  journal: Journal
  schedules(): readonly Schedule[]
}

const PAGE = 1000
const BUCKETS_SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Metrics in a registry of their own. */
export function createMetrics({ journal, schedules, ...standing }: MetricsSources): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const instruments = createInstruments(registry)
  const store = storeHistogram(registry)
  const foldSnapshot = snapshotGauges(registry)
  let seenSeq = 0
  const absorb = (): void => {
    let page: StoredEvent[]
    do {
      page = journal.events({ afterSeq: seenSeq, limit: PAGE })
      for (const event of page) {
        fold(instruments, event)
        foldSnapshot(event)
      }
      seenSeq = page.at(-1)?.seq ?? seenSeq
    } while (page.length === PAGE)
  }
  collectRunning(registry, journal)
  collectWindows(registry, schedules)
  collectStanding(registry, standing)
  const unsubscribe = watchDumps(registry, journal)
  return {
    contentType: registry.contentType,
    render: () => {
      absorb()
      return registry.metrics()
    },
    observeStore: (operation, code, seconds) => store.observe({ operation, code }, seconds),
    close: () => {
      unsubscribe()
      registry.clear()
    },
  }
}

function createInstruments(registry: Registry) {
  const registers = [registry]
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers })
  return {
    runs: new Counter({
      name: 'gmah_backup_runs_total',
      help: 'Runs ended, by job and outcome',
      labelNames: ['job', 'outcome'],
      registers,
    }),
    missed: new Counter({
      name: 'gmah_backup_runs_missed_total',
      help: 'Due instants that nobody ran',
      labelNames: ['job'],
      registers,
    }),
    failures: new Counter({
      name: 'gmah_backup_subject_failures_total',
      help: 'Backups that failed, by subject and error code',
      labelNames: ['subject', 'code'],
      registers,
    }),
    jobSuccess: gauge(
      'gmah_backup_job_last_success_timestamp_seconds',
      'When a job last succeeded as a whole',
      ['job'],
    ),
    subjectSuccess: gauge('gmah_backup_last_success_timestamp_seconds', 'When a subject was last backed up', [
      'subject',
    ]),
    bytes: gauge(
      'gmah_backup_last_backup_bytes',
      'Bytes of the last backup: stream, new, reused (raw) and stored',
      ['subject', 'kind'],
    ),
    rows: gauge('gmah_backup_last_backup_rows', 'Rows of the last backup', ['subject']),
    seconds: gauge('gmah_backup_last_backup_duration_seconds', 'How long the last backup took', ['subject']),
  }
}

type Instruments = ReturnType<typeof createInstruments>

function fold(to: Instruments, event: StoredEvent): void {
  const atSeconds = Date.parse(event.at) / 1000
  switch (event.type) {
    case 'run-finished':
      to.runs.inc({ job: event.facts.job, outcome: event.facts.outcome })
      if (event.facts.outcome === 'succeeded' && !event.subject)
        to.jobSuccess.set({ job: event.facts.job }, atSeconds)
      return
    case 'run-interrupted':
      to.runs.inc({ job: event.facts.job, outcome: 'interrupted' })
      return
    case 'run-missed':
      to.missed.inc({ job: event.facts.job })
      return
    case 'backup-failed':
      to.failures.inc({ subject: event.subject ?? '', code: event.facts.error.code })
      return
    case 'backup-committed':
      if (event.subject) foldBackup(to, event.subject, event.facts, atSeconds)
      return
    default:
  }
}

function foldBackup(to: Instruments, subject: SubjectId, facts: BackupFacts, atSeconds: number): void {
  to.subjectSuccess.set({ subject }, atSeconds)
  to.bytes.set({ subject, kind: 'stream' }, facts.streamBytes)
  to.bytes.set({ subject, kind: 'new' }, facts.newBytes)
  to.bytes.set({ subject, kind: 'reused' }, facts.reusedBytes)
  to.bytes.set({ subject, kind: 'stored' }, facts.storedBytes)
  to.rows.set({ subject }, facts.rows)
  to.seconds.set({ subject }, facts.durationMs / 1000)
}

function storeHistogram(registry: Registry) {
  return new Histogram({
    name: 'gmah_backup_store_operation_seconds',
    help: 'Store operations, by operation and code (ok or an error code)',
    labelNames: ['operation', 'code'],
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  })
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
    if (event.type === 'run-finished' || event.type === 'run-interrupted') {
      for (const [dump, run] of dumps) if (run === event.run) dumps.delete(dump)
    }
  })
}
