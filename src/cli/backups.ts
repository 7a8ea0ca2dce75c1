// `backups [tenant]`: what we have.
import type { Command } from 'commander'
import { shellWord } from '../domain/shell-word.js'
import { subjectName, subjectNamed } from '../domain/subject.js'
import type { Verdicts } from '../domain/verdicts.js'
import { parseCount } from './arguments.js'
import { oneLine } from './cells.js'
import { act, type Desk, type Doors } from './desk.js'
import { bytesText, countText, instantText, secondsText, show } from './output.js'
import { table } from './table.js'

export function backupsCommand(program: Command, doors: Doors): void {
  program
    .command('backups')
    .argument('[tenant]', 'only of this tenant (or platform/master, platform/globals)')
    .description('list the backups, newest first')
    .option('--limit <n>', 'at most so many', parseCount, 50)
    .action((tenant: string | undefined, _options, command: Command) =>
      act<{ limit: number }>(doors, command, async ({ desk, terminal, options }) => {
        const { limit } = options
        // One more than is shown tells whether there are more.
        const filter = { limit: limit + 1, ...(tenant ? { subject: subjectNamed(tenant) } : {}) }
        const found = desk.catalogue.list(filter)
        const more = found.length > limit ? [`only the newest ${limit}; --limit N shows more`] : []
        const entries = found
          .slice(0, limit)
          .map(one => ({ ...one, verdicts: desk.catalogue.proofs.verdicts(one.id) }))
        show(terminal, entries, () => {
          if (entries.length === 0) return nothingText(tenant)
          const rows = entries.map(one => [
            one.id,
            subjectName(one.subject),
            instantText(one.instant),
            one.label ? `${one.kind} (${one.label})` : one.kind,
            bytesText(one.bytes),
            one.database === null ? '' : countText(one.rows),
            bytesText(one.newStoredBytes),
            one.broken === null ? provenText(one.verdicts) : 'BROKEN',
            one.verdicts.loadSeconds === null ? '' : secondsText(one.verdicts.loadSeconds),
          ])
          const list = table(
            ['id', 'tenant', 'instant', 'kind', 'size', 'rows', 'added to store', 'verified', 'loads in'],
            rows,
            {
              right: ['size', 'rows', 'added to store', 'loads in'],
              spare: ['loads in', 'added to store', 'rows', 'kind', 'size'],
              columns: terminal.columns,
            },
          )
          return [list, ...more, ...entries.flatMap(brokenText)].join('\n')
        })
        return undefined
      }),
    )
}

/** A name that was mistyped must not look like a catalogue that is empty. */
const nothingText = (tenant: string | undefined): string =>
  tenant === undefined
    ? 'no backups in the catalogue; if the store has some, type `gmah-backup catalogue rebuild`'
    : oneLine(
        `no backup of ${tenant} in the catalogue; \`gmah-backup tenants\` shows the names, and if the store has one, type \`gmah-backup catalogue rebuild\``,
      )

/** A broken backup is not restored by `latest`; what is wrong with it, and what to do. */
const brokenText = ({ id, subject, broken }: ReturnType<Desk['catalogue']['list']>[number]): string[] =>
  broken === null
    ? []
    : [
        oneLine(
          `BROKEN ${id} of ${subjectName(subject)}: ${broken}; see \`gmah-backup check ${shellWord(subjectName(subject))}\``,
        ),
      ]

/** The deepest look that was taken at it, and when; what failed goes before what passed. */
function provenText({ failed, provenAt, readBackAt, storedAt }: Verdicts): string {
  if (failed) return `FAILED (${failed.level}) ${instantText(failed.at)}`
  if (provenAt) return `proven ${instantText(provenAt)}`
  if (readBackAt) return `read back ${instantText(readBackAt)}`
  return storedAt ? `stored ${instantText(storedAt)}` : ''
}
