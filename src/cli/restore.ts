// `restore <tenant> --as <database>`: a proven copy beside the live database.
import type { Command } from 'commander'
import { subjectName } from '../domain/subject.js'
import { subjectNamed } from '../jobs/open-backup.js'
import { type RestoreReport, restoreBeside } from '../jobs/restore-beside.js'
import { atDesk, type Doors, type GlobalOptions } from './desk.js'
import { bytesText, countText, instantText, processTerminal, show } from './output.js'
import { watchRun } from './progress.js'

interface RestoreOptions extends GlobalOptions {
  as: string
  backup: string
  withRoles?: true
}

export function restoreCommand(program: Command, doors: Doors): void {
  program
    .command('restore')
    .argument('<tenant>', 'a tenant, or platform/master')
    .requiredOption('--as <database>', 'name of the new database; it must not exist')
    .option(
      '--backup <which>',
      'latest, a backup id, or an instant (the newest backup not after it)',
      'latest',
    )
    .option('--with-roles', 'create missing roles from the newest globals backup')
    .description('restore into a new database beside the live one, and prove it table by table')
    .action(async (tenant: string, _options, command: Command) => {
      const options = command.optsWithGlobals<RestoreOptions>()
      const terminal = processTerminal(options.json === true)
      await atDesk(doors, options, terminal, async desk => {
        const subject = subjectNamed(tenant)
        const watch = watchRun(terminal, desk.clock)
        try {
          const report = await desk.run({ name: 'restore', subject }, async context => {
            const request = {
              subject,
              backup: options.backup,
              database: options.as,
              withRoles: options.withRoles === true,
            }
            return { outcome: 'succeeded', result: await restoreBeside(desk, request, { ...context, watch }) }
          })
          await watch.close()
          show(terminal, reportJson(report), () => reportText(report))
        } finally {
          await watch.close()
        }
        return undefined
      })
    })
}

function reportText({ manifest, database, createdRoles, proof }: RestoreReport): string {
  const lines = [
    `${database} holds ${subjectName(manifest.subject)} as of ${instantText(manifest.instant)} (backup ${manifest.backup})`,
    `proven: ${proof.tables} tables, ${countText(proof.rows)} rows, ${bytesText(proof.bytes)} are equal to the backup`,
  ]
  if (proof.reordered > 0)
    lines.push(`${proof.reordered} tables hold the same rows in another physical order`)
  if (!proof.schemaCompared) lines.push('definitions were not compared: the server has another major version')
  if (createdRoles.length > 0) lines.push(`created roles: ${createdRoles.join(', ')}`)
  return lines.join('\n')
}

function reportJson({ manifest, database, createdRoles, proof }: RestoreReport) {
  return {
    database,
    subject: manifest.subject,
    backup: manifest.backup,
    instant: manifest.instant,
    createdRoles,
    proof,
  }
}
