// `catalogue rebuild`: the cache made anew from the store alone.
import type { Command } from 'commander'
import { EXIT } from '../domain/errors.js'
import { subjectName } from '../domain/subject.js'
import { act, type Doors } from './desk.js'
import { counted, show } from './output.js'

export function catalogueCommand(program: Command, doors: Doors): void {
  program
    .command('catalogue')
    .description('the list of what we have')
    .command('rebuild')
    .description('forget the local catalogue and read it anew from the store')
    .action((_options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const { rebuildCatalogue } = await import('../jobs/rebuild-catalogue.js')
        const report = await desk.run({ name: 'catalogue-rebuild' }, async context => {
          const result = await rebuildCatalogue(desk, context)
          return { outcome: result.problems.length > 0 ? 'partial' : 'succeeded', result }
        })
        show(terminal, report, () =>
          [
            `${counted(report.backups, 'backup')} of ${counted(report.subjects, 'subject')}`,
            ...report.gone.map(
              ({ subject, id }) => `gone, and no sweep took it: ${id} of ${subjectName(subject)}`,
            ),
            ...report.problems.map(
              ({ key, code, message }) => `cannot be used: ${key}: ${message} [${code}]`,
            ),
          ].join('\n'),
        )
        return report.problems.length > 0 ? EXIT.partial : EXIT.ok
      }),
    )
}
