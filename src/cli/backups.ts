// `backups [tenant]`: what we have.
import type { Command } from 'commander'
import { shellWord } from '../domain/shell-word.js'
import { subjectName } from '../domain/subject.js'
import { subjectNamed } from '../jobs/open-backup.js'
import { parseCount } from './arguments.js'
import { oneLine } from './cells.js'
import { atDesk, type Desk, type Doors, type GlobalOptions } from './desk.js'
import { bytesText, countText, instantText, processTerminal, show } from './output.js'
import { table } from './table.js'

export function backupsCommand(program: Command, doors: Doors): void {
  program
    .command('backups')
    .argument('[tenant]', 'only of this tenant (or platform/master, platform/globals)')
    .description('list the backups, newest first')
    .option('--limit <n>', 'at most so many', parseCount, 50)
    .action(async (tenant: string | undefined, _options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { limit: number }>()
      const terminal = processTerminal(options)
      await atDesk(doors, options, terminal, async desk => {
        const filter = { limit: options.limit, ...(tenant ? { subject: subjectNamed(tenant) } : {}) }
        const entries = desk.catalogue.list(filter)
        show(terminal, entries, () => {
          if (entries.length === 0)
            return 'no backups in the catalogue; if the store has some, type `gmah-backup catalogue rebuild`'
          const rows = entries.map(one => [
            one.id,
            subjectName(one.subject),
            instantText(one.instant),
            one.label ? `${one.kind} (${one.label})` : one.kind,
            bytesText(one.bytes),
            one.database === null ? '' : countText(one.rows),
            bytesText(one.newStoredBytes),
            one.broken === null ? '' : 'BROKEN',
          ])
          const headings = ['id', 'tenant', 'instant', 'kind', 'size', 'rows', 'added to store', '']
          const list = table(headings, rows, { right: ['size', 'rows', 'added to store'] })
          return [list, ...entries.flatMap(brokenText)].join('\n')
        })
        return undefined
      })
    })
}

/** A broken backup is not restored by `latest`; what is wrong with it, and what to do. */
const brokenText = ({ id, subject, broken }: ReturnType<Desk['catalogue']['list']>[number]): string[] =>
  broken === null
    ? []
    : [
        oneLine(
          `BROKEN ${id} of ${subjectName(subject)}: ${broken}; see \`gmah-backup check ${shellWord(subjectName(subject))}\``,
        ),
      ]
