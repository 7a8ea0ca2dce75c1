// `tenants`: what is on the server, what of it is backed up, and what does not fit.
import type { Command } from 'commander'
import { subjectName } from '../domain/subject.js'
import { listTenants, type TenantsReport } from '../jobs/list-tenants.js'
import { atDesk, type Doors, type GlobalOptions } from './desk.js'
import { bytesText, countText, instantText, processTerminal, show, table } from './output.js'

export function tenantsCommand(program: Command, doors: Doors): void {
  program
    .command('tenants')
    .description('list the databases on the server, each with its newest backup')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>()
      const terminal = processTerminal(options.json === true)
      await atDesk(doors, options, terminal, async desk => {
        show(terminal, await listTenants(desk, AbortSignal.timeout(60_000)), tenantsText)
        return undefined
      })
    })
}

function tenantsText(report: TenantsReport): string {
  const rows = report.subjects.map(({ subject, database, newest }) => [
    subjectName(subject),
    database ?? '',
    newest ? instantText(newest.instant) : 'never',
    newest ? bytesText(newest.bytes) : '',
    newest ? countText(newest.rows) : '',
    newest?.id ?? '',
  ])
  const parts = [table(['tenant', 'database', 'newest backup', 'size', 'rows', 'id'], rows)]
  if (report.skipped.length > 0) {
    parts.push('', 'skipped:', ...report.skipped.map(({ database, reason }) => `  ${database}: ${reason}`))
  }
  if (report.drift.length > 0) parts.push('', 'look at this:', ...report.drift.map(line => `  ${line}`))
  return parts.join('\n')
}
