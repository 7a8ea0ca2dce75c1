// What /metrics tells of each subject and of the work, that it is told from what outlives a restart, and that it is bounded.
import { execFileSync } from 'node:child_process'
import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { type BackupId, newBackupId } from '../../src/domain/ids.js'
import type { Schedule } from '../../src/domain/schedule.js'
import type { SubjectId } from '../../src/domain/subject.js'
import { metered } from '../../src/store/metered.js'
import { systemClock } from '../../src/sys/clock.js'
import { memoryStore } from '../kit/memory-store.js'
import { fillJournal, lineOf, openMetrics, passedProof, rememberBackup } from '../kit/metrics.js'
import { PROMTOOL } from '../kit/prometheus.js'
import { ACME } from '../kit/repository.js'
import { NIGHTLY } from '../kit/schedules.js'

const seconds = (iso: string): string => String(Date.parse(iso) / 1000)
const DRILLS = {
  ...{ name: 'drills', job: 'drill', cron: '0 4 * * *', timeZone: 'UTC', why: 'test', catchUp: true },
  ...{ freshnessWindowMs: 97_200_000, deadlineMs: 3_600_000 },
  ...{ budgetMs: 3_600_000, diskBytes: 1e9, concurrency: 1, everyMs: 604_800_000 },
} satisfies Schedule

it('tells of each subject what the catalogue knows', async () => {
  const { metrics, catalogue } = openMetrics()
  const { backup } = await rememberBackup(catalogue, ACME)
  catalogue.proofs.record(ACME, 'older', passedProof(backup, '2026-11-20T04:00:00.000Z', 9))
  const text = await metrics.render()
  const of = (name: string, more = '') => lineOf(text, `gmah_backup_${name}{subject="${ACME}"${more}}`)
  const [entry] = catalogue.newest()
  expect(of('newest_backup_timestamp_seconds')).toBe(seconds('2026-11-21T02:00:00Z'))
  expect(Number(of('last_success_timestamp_seconds'))).toBeGreaterThanOrEqual(
    Number(seconds('2026-11-21T02:00:00Z')),
  )
  expect(of('last_backup_bytes', ',kind="stream"')).toBe('20000')
  expect(of('last_backup_bytes', ',kind="stored"')).toBe(String(entry?.storedBytes))
  expect(of('stored_bytes')).toBe(String(entry?.storedBytes))
  expect(of('last_proof_timestamp_seconds')).toBe(seconds('2026-11-22T04:00:00Z'))
  expect(of('last_proof_duration_seconds')).toBe('2')
  expect(of('last_restore_duration_seconds')).toBe('1')
  catalogue.remove(entry?.manifest ?? '')
  expect(await metrics.render()).not.toContain(ACME)
})

it('has a window for who is on the server, and none for whose database is gone', async () => {
  const nightly = { ...NIGHTLY, freshnessWindowMs: 97_200_000 }
  const present = [ACME, 'tenants/new' as SubjectId]
  const { metrics, catalogue } = openMetrics({ schedules: () => [DRILLS, nightly], present: () => present })
  await rememberBackup(catalogue, ACME)
  await rememberBackup(catalogue, 'tenants/gone' as SubjectId)
  const windows = (await metrics.render()).match(/^gmah_backup_subject_freshness_window_seconds\{.*$/gm)
  expect(windows).toEqual([
    `gmah_backup_subject_freshness_window_seconds{subject="${ACME}"} 97200`,
    'gmah_backup_subject_freshness_window_seconds{subject="tenants/new"} 97200',
  ])
})

it('has a series of every operation on the store before the first of them', async () => {
  const { metrics } = openMetrics()
  const used = new Set<string>()
  const store = metered(memoryStore(), systemClock, ({ operation }) => used.add(operation))
  await store.put('a/b', Buffer.from('x'))
  await store.putStream('a/c', Readable.from([Buffer.from('x')]), { expectedBytes: 1 })
  await store.get('a/b')
  await store.head('a/b')
  for await (const _ of store.list('a/')) break
  for await (const _ of store.folders('a/')) break
  await store.delete('a/b')
  const text = await metrics.render()
  expect(used.size).toBe(7)
  for (const operation of used) {
    const series = `gmah_backup_store_operation_seconds_count{operation="${operation}",code="ok"}`
    expect(lineOf(text, series), series).toBe('0')
  }
})

it('counts in the store what the oldest backup names and what each later one brought', async () => {
  const { metrics, catalogue } = openMetrics()
  const first = await rememberBackup(catalogue, ACME)
  const oldest = catalogue.newest()[0]?.storedBytes ?? 0
  for (const [day, newStoredBytes] of [
    ['22', 7],
    ['23', 5],
  ] as const) {
    const stored = { newBytes: 10, newStoredBytes, reusedBytes: 19_990, newChunks: 1, reusedChunks: 1 }
    catalogue.record({ ...first, backup: newBackupId(), instant: `2026-11-${day}T02:00:00.000Z`, stored })
  }
  const value = lineOf(await metrics.render(), `gmah_backup_stored_bytes{subject="${ACME}"}`)
  expect(value).toBe(String(oldest + 7 + 5))
})

it('tells of drills, retention, archives and snapshots what the journal says, the same after a restart', async () => {
  const first = openMetrics({ schedules: () => [DRILLS] })
  fillJournal(first, ACME)
  const restarted = openMetrics({ journal: first.journal, schedules: () => [DRILLS] })
  for (const { metrics } of [first, first, restarted]) {
    const text = await metrics.render()
    const value = (series: string) => lineOf(text, `gmah_backup_${series}`)
    expect(value('proofs_total{outcome="passed"}')).toBe('1')
    expect(value('proofs_total{outcome="failed"}')).toBe('1')
    expect(value('proofs_total{outcome="error"}')).toBe('1')
    expect(value('archive_drills_total{outcome="passed"}')).toBe('1')
    expect(value('drill_left_out{reason="budget"}')).toBe('1')
    expect(value('drill_left_out{reason="disk"}')).toBe('0')
    expect(value('drill_coverage_ratio')).toBe('0.75')
    expect(value('drill_subjects{state="proven"}')).toBe('3')
    expect(value('proof_window_seconds')).toBe(String((7 * 24 + 36) * 3600))
    expect(value('retention_kept_backups')).toBe('7')
    expect(value('retention_held_backups')).toBe('1')
    expect(value('retention_removed_backups_total')).toBe('2')
    expect(value('retention_freed_bytes_total')).toBe('5000')
    expect(value('retention_next_removal_timestamp_seconds')).toBe(seconds('2026-11-25T00:00:00Z'))
    expect(value('archives_total{outcome="stored"}')).toBe('1')
    expect(value('archives_total{outcome="store-full"}')).toBe('1')
    expect(value(`archive_last_bytes{subject="${ACME}"}`)).toBe('8')
    expect(value(`archive_last_missing_files{subject="${ACME}"}`)).toBe('1')
    expect(value('snapshot_last_bytes{server="vps"}')).toBe('3000000000')
    expect(value('runs_missed_total{job="drill"}')).toBe('1')
    expect(value('job_last_duration_seconds{job="drill"}')).toBe('0')
    expect(value(`subject_failures_total{subject="${ACME}",code="lock-timeout"}`)).toBe('1')
  }
})

it('reads a journal of more than one page to its end, also when two ask at once', async () => {
  const { metrics, journal, clock, db } = openMetrics()
  db.exec('PRAGMA synchronous = OFF')
  const facts = { backup: 'b1b1b1b1b1b1' as BackupId, tables: 1, rows: 1, durationMs: 1 }
  for (let n = 0; n < 2001; n++) journal.event({ type: 'proof-passed', run: null, subject: ACME, facts })
  const both = Promise.all([metrics.render(), metrics.render()])
  for (let turn = 0; turn < 10; turn++) {
    clock.pass(0)
    await Promise.resolve()
  }
  for (const text of await both) {
    expect(lineOf(text, 'gmah_backup_proofs_total{outcome="passed"}')).toBe('2001')
  }
})

it('grows by a fixed number of lines with each subject', async () => {
  const { metrics, catalogue } = openMetrics()
  const lines = async () =>
    (await metrics.render()).split('\n').filter(one => one.includes('subject="')).length
  await rememberBackup(catalogue, ACME)
  const one = await lines()
  await rememberBackup(catalogue, 'tenants/globex' as SubjectId)
  expect(await lines()).toBe(2 * one)
  expect(one).toBeGreaterThan(5)
  expect(one).toBeLessThan(16)
})

it.skipIf(!PROMTOOL)('promtool finds nothing to say against any of it', async () => {
  const { metrics, journal, catalogue } = openMetrics({
    schedules: () => [DRILLS],
    incidents: () => [{ rule: 'drift', severity: 'warning' }],
    channels: () => [{ name: 'team', failing: true, waiting: 2 }],
  })
  fillJournal({ journal }, ACME)
  await rememberBackup(catalogue, ACME)
  metrics.observeStore({ operation: 'put', code: 'ok', durationMs: 1, bytes: 5 })
  const text = await metrics.render()
  expect(text.match(/^# TYPE gmah_backup_/gm)?.length).toBeGreaterThan(35)
  const said = execFileSync(PROMTOOL as string, ['check', 'metrics'], { input: text, encoding: 'utf8' })
  expect(said).toBe('')
})
