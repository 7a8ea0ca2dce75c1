// What Prometheus reads of each subject: from the catalogue alone, so that it is right after a lost disk too, and who left the
// store leaves the metrics. Read once a scrape; one subject more is one line more in each.
import { Gauge, type Registry } from 'prom-client'
import { instantMs } from '../domain/ids.js'
import type { Schedule } from '../domain/schedule.js'
import type { SubjectId } from '../domain/subject.js'
import { backupWindowMs } from '../jobs/drill-candidates.js'
import type { Catalogue, CatalogueEntry } from '../repository/catalogue.js'
import type { LastProof } from '../repository/catalogue-proofs.js'

export interface SubjectSources {
  catalogue: Catalogue
  schedules(): readonly Schedule[]
  /** Subjects that are on the server, as far as the nights saw. */
  present(): readonly SubjectId[]
}

/** The gauges in the registry. @returns what brings them up to date. */
export function subjectGauges(
  registry: Registry,
  { catalogue, schedules, present }: SubjectSources,
): () => void {
  const gauges = createGauges(registry)
  return () => {
    for (const gauge of Object.values(gauges)) gauge.reset()
    const windowMs = backupWindowMs({ schedules: schedules() })
    if (windowMs !== null) for (const subject of present()) gauges.window.set({ subject }, windowMs / 1000)
    for (const entry of catalogue.newest()) setBackup(gauges, entry)
    for (const proof of catalogue.proofs.lastPassed()) setProof(gauges, proof)
    for (const { subject, bytes } of catalogue.figures.stored()) gauges.stored.set({ subject }, bytes)
    for (const { subject, backups } of catalogue.figures.broken()) gauges.broken.set({ subject }, backups)
  }
}

function createGauges(registry: Registry) {
  const gauge = (name: string, help: string, ...more: string[]) =>
    new Gauge({
      name: `gmah_backup_${name}`,
      help,
      labelNames: ['subject', ...more],
      registers: [registry],
    })
  return {
    newest: gauge(
      'newest_backup_timestamp_seconds',
      'The instant that the newest sound backup of a subject is of',
    ),
    window: gauge(
      'subject_freshness_window_seconds',
      'The newest backup of a subject must never be older than this; absent once its database is gone',
    ),
    success: gauge(
      'last_success_timestamp_seconds',
      'When the newest sound backup of a subject was finished',
    ),
    bytes: gauge(
      'last_backup_bytes',
      'Bytes of the last backup: stream, new, reused (raw) and stored',
      'kind',
    ),
    rows: gauge('last_backup_rows', 'Rows of the last backup'),
    seconds: gauge('last_backup_duration_seconds', 'How long the last backup took'),
    stored: gauge('stored_bytes', 'Bytes that the backups of a subject take in the store'),
    broken: gauge(
      'broken_backups',
      'Backups of a subject that name a damaged chunk or cannot be opened, as the last look found them',
    ),
    proof: gauge('last_proof_timestamp_seconds', 'When a backup of a subject was last restored and proven'),
    proofSeconds: gauge('last_proof_duration_seconds', 'How long that restore took, with its comparison'),
    loadSeconds: gauge('last_restore_duration_seconds', 'How long the load alone took in it'),
  }
}

type Gauges = ReturnType<typeof createGauges>

function setBackup(to: Gauges, entry: CatalogueEntry): void {
  const { subject, instant, seconds, rows } = entry
  const atSeconds = instantMs(instant) / 1000
  to.newest.set({ subject }, atSeconds)
  to.success.set({ subject }, atSeconds + seconds)
  to.bytes.set({ subject, kind: 'stream' }, entry.bytes)
  to.bytes.set({ subject, kind: 'new' }, entry.newBytes)
  to.bytes.set({ subject, kind: 'reused' }, entry.reusedBytes)
  to.bytes.set({ subject, kind: 'stored' }, entry.storedBytes)
  to.rows.set({ subject }, rows)
  to.seconds.set({ subject }, seconds)
}

function setProof(to: Gauges, { subject, at, seconds, loadSeconds }: LastProof): void {
  to.proof.set({ subject }, Date.parse(at) / 1000)
  to.proofSeconds.set({ subject }, seconds)
  if (loadSeconds !== null) to.loadSeconds.set({ subject }, loadSeconds)
}
