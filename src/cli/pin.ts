// `backup pin`, `backup unpin`: one backup kept whatever the policy says, and no longer.
import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { act, type Doors } from './desk.js'
import { show } from './output.js'

export function pinCommand(backup: Command, doors: Doors): void {
  backup
    .command('pin')
    .argument('<id>', 'a backup id, or its beginning')
    .requiredOption('--why <words>', 'for whoever finds the pin in a year')
    .description('keep a backup, whatever the policy says')
    .action((id: string, _options, command: Command) =>
      act<{ why: string }>(doors, command, async ({ desk, terminal, options }) => {
        const { PIN } = await import('../jobs/errands-store.js')
        const { subject, id: found } = desk.catalogue.find(id)
        const request = { subject, backup: found, who: userInfo().username, why: options.why }
        const pin = await desk.errand(PIN, request)
        show(terminal, pin, ({ backup: id, why }) => `${id} is pinned: ${why}`)
        return undefined
      }),
    )
}

export function unpinCommand(backup: Command, doors: Doors): void {
  backup
    .command('unpin')
    .argument('<id>', 'a backup id, or its beginning')
    .description('let the policy decide about a pinned backup again')
    .action((id: string, _options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const { UNPIN } = await import('../jobs/errands-store.js')
        const { subject, id: found } = desk.catalogue.find(id)
        const request = { subject, backup: found, who: userInfo().username }
        show(terminal, await desk.errand(UNPIN, request), () => `${found} is not pinned any more`)
        return undefined
      }),
    )
}
