// `backup` while a daemon runs: the daemon does it, and its events make the same lines and the same report as here.
import type { StoredEvent } from '../domain/events.js'
import type { NightReport } from '../jobs/backup-report.js'
import { failureOf } from '../jobs/journal-rows.js'
import { openBackup } from '../jobs/open-backup.js'
import type { BackupRequest, Parts, Progress, Watcher } from '../jobs/parts.js'
import type { AtDaemon } from './at-daemon.js'

/** @param made gets the report, also when the run fails. */
export function backupAtDaemon(
  parts: Parts,
  { names, kind, label }: BackupRequest & { names: readonly string[] },
  watch: Watcher,
  made: { report?: NightReport },
): AtDaemon<null> {
  const committed: Promise<void>[] = []
  const tenants = names.length === 0 ? {} : { tenants: names }
  return {
    path: '/v1/backups',
    body: { kind, ...(label === null ? {} : { label }), ...tenants },
    ...(watch.notice ? { notice: watch.notice } : {}),
    heard: event => {
      if (event.type === 'run-planned') watch.planned?.(event.facts.subjects)
      if (event.type === 'progress' && event.subject) watch.progress?.(event.subject, event.facts as Progress)
      if (event.type === 'backup-failed' && event.subject)
        watch.failed?.(event.subject, failureOf(event.facts.error))
      if (event.type === 'backup-committed' && event.subject) {
        const opening = openBackup(parts.repository, event.subject, event.facts.backup)
        committed.push(opening.then(({ manifest }) => watch.backedUp?.(manifest)))
        // Whoever cannot open it is told at the end, when the report needs it.
        opening.catch(() => {})
      }
    },
    result: async (_, events) => {
      await Promise.allSettled(committed)
      made.report = await reportOf(parts, events)
      return null
    },
  }
}

async function reportOf(parts: Parts, events: readonly StoredEvent[]): Promise<NightReport> {
  const report: NightReport = { succeeded: [], failed: [], problems: [] }
  for (const event of events) {
    const { subject } = event
    if (event.type === 'backup-committed' && subject)
      report.succeeded.push((await openBackup(parts.repository, subject, event.facts.backup)).manifest)
    if (event.type === 'backup-failed' && subject)
      report.failed.push({ subject, failure: failureOf(event.facts.error) })
    if (event.type === 'discovery-problem') report.problems.push(failureOf(event.facts.error))
  }
  return report
}
