// Metrics on a journal and a catalogue of their own, and what a journal is filled with so that each of them has a value.
import { onTestFinished } from 'vitest'
import { createMetrics, type MetricsSources } from '../../src/api/metrics.js'
import type { NewEvent } from '../../src/domain/events.js'
import type { BackupId } from '../../src/domain/ids.js'
import type { Manifest } from '../../src/domain/manifest.js'
import { proofSchema } from '../../src/domain/records.js'
import type { SubjectId } from '../../src/domain/subject.js'
import type { Catalogue } from '../../src/repository/catalogue.js'
import { failure } from './alerting.js'
import { memoryStore } from './memory-store.js'
import { noise } from './noise.js'
import { backUp, testRepository } from './repository.js'
import { openCatalogue, openState } from './state.js'

export function openMetrics(more: Partial<MetricsSources> = {}) {
  const state = openState()
  const catalogue = more.catalogue ?? openCatalogue()
  const metrics = createMetrics({
    ...{ journal: state.journal, clock: state.clock, catalogue, version: '0.1.0' },
    ...{ schedules: () => [], present: () => [], incidents: () => [], channels: () => [] },
    ...more,
  })
  onTestFinished(() => metrics.close())
  return { ...state, catalogue, metrics }
}

/** The value of a line of Prometheus' text; undefined when there is no such line. */
export const lineOf = (text: string, series: string): string | undefined =>
  text
    .split('\n')
    .find(one => one.startsWith(`${series} `))
    ?.slice(series.length + 1)

export const passedProof = (backup: BackupId, at: string, loadSeconds = 1) =>
  proofSchema.parse({
    ...{ format: 1, backup, at, level: 'restore', outcome: 'passed' },
    ...{ loadSeconds, seconds: 2, tables: 1, rows: 1, differences: [], tool: 'test' },
  })

/** One backup of a subject in the catalogue, with a proof. */
export async function rememberBackup(catalogue: Catalogue, subject: SubjectId): Promise<Manifest> {
  const repository = testRepository(memoryStore())
  try {
    const manifest = await backUp(repository, subject, noise(20_000, 1), '2026-11-21T02:00:00.000Z')
    catalogue.record(manifest)
    catalogue.proofs.record(
      subject,
      `${subject} proof`,
      passedProof(manifest.backup, '2026-11-22T04:00:00.000Z'),
    )
    return manifest
  } finally {
    await repository.close()
  }
}

/** Something of everything that metrics are made of, in runs that ended. */
export function fillJournal({ journal }: Pick<MetricsSources, 'journal'>, subject: SubjectId): void {
  const backup = 'b1b1b1b1b1b1' as BackupId
  const run = (job: string, events: Omit<NewEvent, 'run'>[], facts: Record<string, unknown> = {}) => {
    const { id } = journal.startRun({ job, trigger: 'schedule' })
    for (const event of events) journal.event({ ...event, run: id } as NewEvent)
    journal.finishRun(id, { outcome: 'succeeded', facts })
  }
  run('backup-all', [{ type: 'backup-failed', subject, facts: { error: failure('lock-timeout') } }])
  run('drill', [
    { type: 'drill-planned', subject: null, facts: { subjects: 3, expectedSeconds: 3, leftOut: 1 } },
    { type: 'proof-passed', subject, facts: { backup, tables: 1, rows: 1, durationMs: 1 } },
    { type: 'proof-failed', subject, facts: { backup, differences: ['x'] } },
    { type: 'drill-failed', subject, facts: { backup, error: failure('backup-stale') } },
    {
      type: 'drill-left-out',
      subject,
      facts: {
        ...{ backup, reason: 'budget', provenAt: null, overdue: false },
        ...{ expectedSeconds: 1, neededBytes: 0, freeBytes: null },
      },
    },
    {
      type: 'archive-drilled',
      subject,
      facts: { archive: '2026-10', backup, outcome: 'passed', differences: [], durationMs: 1 },
    },
    {
      type: 'drills-covered',
      subject: null,
      facts: { subjects: 4, proven: 3, percent: 75, everyDays: 7, oldestDays: 8 },
    },
  ])
  run(
    'sweep',
    [{ type: 'sweep-planned', subject: null, facts: { subjects: 1, backups: 9, remove: 2, refused: 1 } }],
    {
      ...{ removed: 2, removedBytes: 5000, kept: 7, nextRemoval: '2026-11-25T00:00:00.000Z' },
    },
  )
  const stored = { files: 2, missing: 1, changed: 0, tarBytes: 9, storedBytes: 8, durationMs: 7000 }
  run('archive-tenants', [
    {
      type: 'archive-stored',
      subject,
      facts: { archive: '2026-10', backup, instant: '2026-10-31T00:00:00Z', ...stored },
    },
    { type: 'archive-failed', subject, facts: { month: '2026-10', error: failure('store-full') } },
  ])
  const snapshot = {
    ...{
      server: 'vps',
      serverId: 1,
      image: 2,
      label: 'l',
      schedule: 'weekly',
      created: '2026-11-22T00:00:00Z',
    },
    ...{
      sizeGb: 3,
      diskGb: 4,
      costPerMonth: 0.5,
      currency: 'EUR',
      durationMs: 60_000,
      adopted: false,
      sheet: 's',
    },
  }
  run('snapshot-servers', [{ type: 'snapshot-made', subject: null, facts: snapshot }])
  journal.event({
    type: 'run-missed',
    run: null,
    subject: null,
    facts: { job: 'drill', schedule: 'drills', due: '2026-11-22T00:00:00Z' },
  })
}
