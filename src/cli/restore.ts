// `restore <tenant> --as <database>`: a proven copy beside the live database.
import type { Command } from 'commander'
import type { PostgresConfig } from '../domain/configuration.js'
import { shellWord } from '../domain/shell-word.js'
import { subjectName } from '../domain/subject.js'
import { subjectNamed } from '../jobs/open-backup.js'
import { endOfRestore, type RestoreReport, restoreBeside } from '../jobs/restore-beside.js'
import { passedOverText } from './backup-text.js'
import { atDesk, type Doors, type GlobalOptions } from './desk.js'
import { bytesText, counted, instantText, processTerminal, show } from './output.js'
import { watched } from './progress.js'

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
      const terminal = processTerminal(options)
      await atDesk(doors, options, terminal, async desk => {
        const subject = subjectNamed(tenant)
        const request = {
          subject,
          backup: options.backup,
          database: options.as,
          withRoles: options.withRoles === true,
        }
        const report = await watched(terminal, desk.clock, watch =>
          desk.run({ name: 'restore', subject }, async context => {
            const result = await restoreBeside(desk, request, { ...context, watch })
            return { ...endOfRestore(result), result }
          }),
        )
        show(terminal, reportJson(report), () => reportText(report, desk.config.postgres))
        return undefined
      })
    })
}

function reportText(
  { manifest, database, createdRoles, proof, passedOver }: RestoreReport,
  server: PostgresConfig,
): string {
  const lines = [
    ...passedOver.map(passedOverText),
    `${database} holds ${subjectName(manifest.subject)} as of ${instantText(manifest.instant)} (backup ${manifest.backup})`,
    `proven: ${counted(proof.tables, 'table')}, ${counted(proof.rows, 'row')}, ${bytesText(proof.bytes)} are equal to the backup`,
  ]
  if (proof.reordered > 0)
    lines.push(`${counted(proof.reordered, 'table')} with the same rows in another physical order`)
  if (!proof.schemaCompared) lines.push('definitions were not compared: the server has another major version')
  if (createdRoles.length > 0) lines.push(`created roles: ${createdRoles.join(', ')}`)
  const at = `-h ${shellWord(server.host)} -p ${server.port} -U ${shellWord(server.user)}`
  lines.push(`look at it: psql ${at} -d ${shellWord(database)}`)
  lines.push(`drop it:    dropdb ${at} -- ${shellWord(database)}`)
  return lines.join('\n')
}

function reportJson({ manifest, database, createdRoles, proof, passedOver }: RestoreReport) {
  return {
    database,
    subject: manifest.subject,
    backup: manifest.backup,
    instant: manifest.instant,
    createdRoles,
    proof,
    passedOver,
  }
}
