// `tenants`: what is on the server, what of it is backed up, and what does not fit.
import type { Command } from 'commander'
import { subjectName } from '../domain/subject.js'
import type { TenantsReport } from '../jobs/list-tenants.js'
import { oneLine } from './cells.js'
import { act, type Doors } from './desk.js'
import { bytesText, countText, instantText, show } from './output.js'
import { table } from './table.js'

export function tenantsCommand(program: Command, doors: Doors): void {
  program
    .command('tenants')
    .description('list the databases on the server, each with its newest backup')
    .action((_options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const { listTenants } = await import('../jobs/list-tenants.js')
        const report = await listTenants(desk, AbortSignal.timeout(60_000))
        show(terminal, report, () => tenantsText(report, terminal.columns))
        return undefined
      }),
    )
}

function tenantsText(report: TenantsReport, columns: number | null): string {
  const rows = report.subjects.map(({ subject, database, newest }) => [
    subjectName(subject),
    database ?? '',
    newest ? instantText(newest.instant) : 'never',
    newest ? bytesText(newest.bytes) : '',
    newest && database ? countText(newest.rows) : '',
    newest?.id ?? '',
  ])
  const parts = [
    table(['tenant', 'database', 'newest backup', 'size', 'rows', 'id'], rows, {
      right: ['size', 'rows'],
      spare: ['rows', 'database', 'size'],
      columns,
    }),
  ]
  if (report.skipped.length > 0) {
    parts.push(
      '',
      'skipped:',
      ...report.skipped.map(({ database, reason }) => `  ${oneLine(database)}: ${reason}`),
    )
  }
  const look = [...report.drift.map(driftText), ...report.problems]
  if (look.length > 0) parts.push('', 'look at this:', ...look.map(line => `  ${oneLine(line)}`))
  return parts.join('\n')
}

type Drift = TenantsReport['drift'][number]

function driftText(drift: Drift): string {
  switch (drift.kind) {
    case 'tenant-without-database':
      return `tenant ${drift.tenant} should have the database ${drift.database}, which is not there`
    case 'database-without-tenant':
      return `${drift.database} belongs to no tenant of the platform's list; it is backed up all the same`
    case 'inactive-tenant-with-database':
      return `tenant ${drift.tenant} is ${drift.status}, but ${drift.database} is still there; it is backed up all the same`
    case 'tenant-not-covered':
      return `NOBODY BACKS UP ${drift.database} of tenant ${drift.tenant}: it ${whyText(drift.reason)}`
    case 'database-not-covered':
      return `${drift.database} has backups, but gets none any more: it ${whyText(drift.reason)}`
    case 'database-vanished':
      return `${drift.database} has backups, but is no longer on the server`
    default:
      return drift satisfies never
  }
}

const whyText = (reason: string): string =>
  reason === 'matches no rule' ? 'does not match postgres.tenants.pattern' : reason
