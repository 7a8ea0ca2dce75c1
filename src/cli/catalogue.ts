// `catalogue rebuild`: the cache made anew from the store alone.
import type { Command } from 'commander'
import { EXIT } from '../domain/errors.js'
import { subjectName } from '../domain/subject.js'
import { atDesk, type Doors, type GlobalOptions } from './desk.js'
import { counted, processTerminal, show } from './output.js'

export function catalogueCommand(program: Command, doors: Doors): void {
  program
    .command('catalogue')
    .description('the list of what we have')
    .command('rebuild')
    .description('forget the local catalogue and read it anew from the store')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>()
      const terminal = processTerminal(options)
      await atDesk(doors, options, terminal, async desk => {
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
      })
    })
}
