// `docs`: writes the pages that are made from the code. For who works on the program; `npm run docs` calls it.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { type Doors, type GlobalOptions, reportFailure } from './desk.js'
import { errorsPage } from './errors-page.js'
import { processTerminal, show } from './output.js'

export function docsCommand(program: Command, _doors: Doors): void {
  program
    .command('docs', { hidden: true })
    .description('write the generated pages of docs/')
    .action(async (_options, command: Command) => {
      const terminal = processTerminal(command.optsWithGlobals<GlobalOptions>())
      await reportFailure(terminal, async () => {
        const file = fileURLToPath(new URL('../../../docs/errors.md', import.meta.url))
        writeFileSync(file, errorsPage())
        show(terminal, { file }, () => file)
        return undefined
      })
    })
}
