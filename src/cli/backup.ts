// `backup [tenant…]`, `backup show`, `backup export`.
import type { Command } from 'commander'
import { asFailure, EXIT } from '../domain/errors.js'
import type { BackupKind, Manifest } from '../domain/manifest.js'
import { subjectName, subjectNamed } from '../domain/subject.js'
import type { backupAll } from '../jobs/backup-all.js'
import type { NightReport } from '../jobs/backup-report.js'
import { manifestText } from './backup-text.js'
import { oneLine } from './cells.js'
import { act, type Desk, type Doors } from './desk.js'
import { bytesText, failureText, show, type Terminal } from './output.js'
import { pinCommand, unpinCommand } from './pin.js'
import { watched } from './progress.js'
import { passedOverLines } from './restore-text.js'

export function backupCommand(program: Command, doors: Doors): void {
  const backup = program
    .command('backup')
    .argument(
      '[tenant...]',
      'only these (a tenant, platform/master, platform/globals); all when none is given',
    )
    .description('back up now')
    .option('--label <words>', 'a note that the backup carries')
    .option('--before-migration', 'mark the backups as taken before a migration')
    .action((names: string[], _options, command: Command) =>
      act<{ label?: string; beforeMigration?: true }>(doors, command, ({ desk, terminal, options }) => {
        const kind: BackupKind = options.beforeMigration ? 'before-migration' : 'manual'
        return backUp(desk, terminal, { kind, label: options.label ?? null, names })
      }),
    )
  showCommand(backup, doors)
  exportCommand(backup, doors)
  pinCommand(backup, doors)
  unpinCommand(backup, doors)
}

/** Shows the report whenever there is one; of a single subject that failed, its failure. */
async function backUp(
  desk: Desk,
  terminal: Terminal,
  request: Parameters<typeof backupAll>[1],
): Promise<number> {
  const { backupAll, backupJob } = await import('../jobs/backup-all.js')
  const { endOfNight } = await import('../jobs/backup-report.js')
  const { backupAtDaemon } = await import('./backup-at-daemon.js')
  const made: { report?: NightReport } = {}
  await watched(terminal, desk.clock, async watch => {
    const running = desk.run(
      backupJob(request.names),
      async context => {
        made.report = await backupAll(desk, request, { ...context, watch })
        return { ...endOfNight(made.report), result: null }
      },
      backupAtDaemon(desk, request, watch, made),
    )
    await running.catch(thrown => {
      if (asFailure(thrown).code !== 'partial' || !made.report) throw thrown
    })
  })
  const report = made.report ?? { succeeded: [], failed: [], problems: [] }
  show(terminal, reportJson(report), () => nightText(report))
  return report.failed.length + report.problems.length === 0 ? EXIT.ok : EXIT.partial
}

function showCommand(backup: Command, doors: Doors): void {
  backup
    .command('show')
    .argument('<id>', 'a backup id, or its beginning')
    .description('show one backup: its tables, rows and sizes')
    .action((id: string, _options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const { openBackup } = await import('../jobs/open-backup.js')
        const entry = desk.catalogue.find(id)
        const { manifest } = await openBackup(desk.repository, entry.subject, entry.id)
        show(terminal, manifest, manifestText)
        return undefined
      }),
    )
}

function exportCommand(backup: Command, doors: Doors): void {
  backup
    .command('export')
    .argument('<tenant>', 'a tenant, platform/master or platform/globals')
    .requiredOption('--to <file>', 'the file to write; it must not exist')
    .option('--backup <which>', 'latest, a backup id, or an instant', 'latest')
    .description('write a backup as the plain file that pg_dump made, for pg_restore or psql')
    .action((tenant: string, _options, command: Command) =>
      act<{ to: string; backup: string }>(doors, command, async ({ desk, terminal, options }) => {
        const { exportBackup } = await import('../jobs/export-backup.js')
        const subject = subjectNamed(tenant)
        const request = { subject, backup: options.backup, file: options.to }
        const { manifest, passedOver, sha256 } = await watched(terminal, desk.clock, watch =>
          desk.run({ name: 'export', subject }, async context => ({
            outcome: 'succeeded',
            result: await exportBackup(desk, request, { ...context, watch }),
          })),
        )
        const written = {
          file: options.to,
          backup: manifest.backup,
          bytes: manifest.stream.bytes,
          sha256,
          passedOver,
        }
        show(terminal, written, () =>
          [
            ...passedOverLines(passedOver),
            `${options.to}: ${bytesText(written.bytes)}, backup ${written.backup}, sha256 ${written.sha256}`,
          ].join('\n'),
        )
        return undefined
      }),
    )
}

/** Why each one failed has been said when it did. */
function nightText({ succeeded, failed, problems }: NightReport): string {
  const added = succeeded.reduce((sum, one) => sum + one.stored.newStoredBytes, 0)
  const bytes = succeeded.reduce((sum, one) => sum + one.stream.bytes, 0)
  const lines = failed.map(
    ({ subject, failure }) => `FAILED ${oneLine(subjectName(subject))} [${failure.code}]`,
  )
  lines.push(...problems.map(one => `LOOK AT THIS: ${failureText(one)}`))
  const sizes = `${bytesText(bytes)}, ${bytesText(added)} added to the store`
  lines.push(`${succeeded.length} backed up (${sizes}), ${failed.length} failed`)
  return lines.join('\n')
}

function reportJson({ succeeded, failed, problems }: NightReport) {
  const summary = ({ backup, subject, instant, stream, stored }: Manifest) => ({
    backup,
    subject,
    instant,
    bytes: stream.bytes,
    ...stored,
  })
  return {
    succeeded: succeeded.map(summary),
    failed: failed.map(({ subject, failure: { code, message, hint } }) => ({ subject, code, message, hint })),
    problems: problems.map(({ code, message, hint }) => ({ code, message, hint })),
  }
}
