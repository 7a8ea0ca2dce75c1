// `verify <tenant>|<backup id>`: is it all stored, does it read back, does it restore to equal tables.
import { type Command, Option } from 'commander'
import { PROOF_LEVELS, type ProofLevel } from '../domain/proof-level.js'
import { subjectName } from '../domain/subject.js'
import type { VerifyReport } from '../jobs/verify.js'
import { oneLine } from './cells.js'
import { act, type Doors } from './desk.js'
import { counted, instantText, secondsText, show } from './output.js'
import { watched } from './progress.js'

export function verifyCommand(program: Command, doors: Doors): void {
  program
    .command('verify')
    .argument(
      '<tenant|id>',
      'a tenant, platform/master or platform/globals (the newest backup), or a backup id',
    )
    .addOption(
      new Option('--level <level>', 'how far: all there, read back whole, or restored and compared')
        .choices(PROOF_LEVELS)
        .default('restore'),
    )
    .description('verify one backup and keep the verdict beside it in the store')
    .action((name: string, _options, command: Command) =>
      act<{ level: ProofLevel }>(doors, command, async ({ desk, terminal, options }) => {
        const { VERIFY } = await import('../jobs/errands-store.js')
        const { backupNamed } = await import('../jobs/verify.js')
        const request = { ...backupNamed(desk, name), level: options.level }
        const { subject } = request
        const report = await watched(terminal, desk.clock, watch => desk.errand(VERIFY, request, watch))
        show(terminal, { subject, instant: report.instant, ...report.record }, () => reportText(report))
        return undefined
      }),
    )
}

const WHAT: Record<ProofLevel, string> = {
  stored: 'is stored whole',
  read: 'reads back, byte by byte as it was dumped',
  restore: 'is proven: restored, compared and dropped',
}

function reportText({ subject, instant, record }: VerifyReport): string {
  const { level, loadSeconds, tables, rows, seconds, notes = [] } = record
  const what = `backup ${record.backup} of ${oneLine(subjectName(subject))}, ${instantText(instant)}, ${WHAT[level]}`
  const load = loadSeconds === null ? '' : `, of that ${secondsText(loadSeconds)} to load`
  const content = tables > 0 ? `${counted(tables, 'table')}, ${counted(rows, 'row')}; ` : ''
  return [
    what,
    `${content}it took ${secondsText(seconds)}${load}`,
    ...notes.map(note => `note: ${oneLine(note)}`),
  ].join('\n')
}
