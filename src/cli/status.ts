// `status`: one screen that says whether everyone is inside their windows, worst first; exit status 1 when someone is not.
import type { Command } from 'commander'
import { EXIT } from '../domain/errors.js'
import { newestSnapshots } from '../jobs/newest-snapshots.js'
import { platformStatus } from '../jobs/status.js'
import { atDesk, type Desk, type Doors, type GlobalOptions } from './desk.js'
import { processTerminal, show, type Terminal } from './output.js'
import { schedulesSection } from './status-schedules.js'
import type { StatusSection } from './status-section.js'
import { snapshotsSection } from './status-snapshots.js'
import { tenantsSection } from './status-tenants.js'

/** As many tenants as leave room for the rest on one screen. */
const TENANTS_SHOWN = 20
const SERVER_WITHIN_MS = 30_000

export function statusCommand(program: Command, doors: Doors): void {
  program
    .command('status')
    .description('is everyone inside their windows? worst first; exit status 1 when someone is not')
    .option('--all', 'every tenant, not only the worst and as many as fit')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { all?: true }>()
      const terminal = processTerminal(options)
      await atDesk(doors, options, terminal, async desk => {
        const most = options.all ? Number.MAX_SAFE_INTEGER : TENANTS_SHOWN
        const sections = await sectionsOf(desk, terminal, most)
        const outside = Object.values(sections).some(one => one.outside)
        const json = Object.fromEntries(Object.entries(sections).map(([name, one]) => [name, one.json]))
        show(terminal, { ok: !outside, ...json }, () => Object.values(sections).map(sectionText).join('\n\n'))
        return outside ? EXIT.unexpected : EXIT.ok
      })
    })
}

/** The page from top to bottom; a layer that has more to say than its schedule gets a section of its own here. */
async function sectionsOf(
  desk: Desk,
  { columns }: Terminal,
  most: number,
): Promise<Record<string, StatusSection>> {
  const status = await platformStatus(desk, AbortSignal.timeout(SERVER_WITHIN_MS))
  return {
    tenants: tenantsSection(status, most, columns),
    snapshots: snapshotsSection(desk.hetzner ? newestSnapshots(desk) : null, status.at, columns),
    schedules: schedulesSection(desk.scheduler.status(), status.at, columns),
  }
}

const sectionText = ({ title, lines }: StatusSection): string => [title, ...lines].join('\n')
