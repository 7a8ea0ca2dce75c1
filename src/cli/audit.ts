// `audit list`, `audit verify`: who changed what, and whether anybody changed that.
import type { Command } from 'commander'
import type { AuditLine } from '../jobs/journal-rows.js'
import { parseCount } from './arguments.js'
import { act, type Doors } from './desk.js'
import { counted, instantText, show } from './output.js'
import { table } from './table.js'

export function auditCommand(program: Command, doors: Doors): void {
  const audit = program.command('audit').description('who changed what, from where, and how it went')
  audit
    .command('list')
    .description('list the lines, newest first')
    .option('--limit <n>', 'at most so many', parseCount, 50)
    .action((_options, command: Command) =>
      act<{ limit: number }>(doors, command, async ({ desk, terminal, options }) => {
        const lines = desk.journal.auditLines({ limit: options.limit })
        show(terminal, lines, () => linesText(lines, terminal.columns))
        return undefined
      }),
    )
  audit
    .command('verify')
    .description('check that no line was changed, dropped or put between')
    .option('--head <hash>', 'a head that was noted before: it must still be there')
    .action((_options, command: Command) =>
      act<{ head?: string }>(doors, command, async ({ desk, terminal, options }) => {
        const verdict = desk.verifyAudit(options.head)
        show(
          terminal,
          verdict,
          ({ lines, head }) => `${counted(lines, 'line')}, unbroken; head ${head ?? 'none'}`,
        )
        return undefined
      }),
    )
}

function linesText(lines: readonly AuditLine[], columns: number | null): string {
  if (lines.length === 0) return 'nobody changed anything yet'
  const rows = lines.map(line => [
    String(line.seq),
    instantText(line.at.toISOString()),
    line.who,
    line.origin ?? 'here',
    line.action,
    line.target,
    line.outcome,
    runText(line),
    line.detail ?? '',
  ])
  return table(['line', 'at', 'who', 'from', 'did', 'to', 'request', 'run', ''], rows, { columns })
}

/** What was allowed may have failed since: 3f0c2a91b7de failed. */
const runText = ({ run, ended }: AuditLine): string => (run === null ? '' : `${run} ${ended ?? 'unknown'}`)
