// `status`: one screen that says whether everyone is inside their windows, worst first; exit status 1 when someone is not.
import type { Command } from 'commander'
import { EXIT } from '../domain/errors.js'
import type { PlatformStatus } from '../jobs/status.js'
import { isWell, statusDocument } from '../jobs/status-document.js'
import { act, type Doors } from './desk.js'
import { show, type Terminal } from './output.js'
import { keptSection } from './status-kept.js'
import { archivesSection, snapshotsSection } from './status-layers.js'
import { schedulesSection } from './status-schedules.js'
import type { StatusSection } from './status-section.js'
import { tenantsSection } from './status-tenants.js'

/** As many tenants as leave room for the rest on one screen. */
const TENANTS_SHOWN = 20
const SERVER_WITHIN_MS = 30_000

export function statusCommand(program: Command, doors: Doors): void {
  program
    .command('status')
    .description('is everyone inside their windows? worst first; exit status 1 when someone is not')
    .option('--all', 'every tenant, not only the worst and as many as fit')
    .action((_options, command: Command) =>
      act<{ all?: true }>(doors, command, async ({ desk, terminal, options }) => {
        const { platformStatus } = await import('../jobs/status.js')
        const most = options.all ? Number.MAX_SAFE_INTEGER : TENANTS_SHOWN
        const status = await platformStatus(
          desk,
          desk.scheduler.status(),
          AbortSignal.timeout(SERVER_WITHIN_MS),
        )
        show(terminal, statusDocument(status, { whole: true }), () =>
          sectionsOf(status, terminal, most).map(sectionText).join('\n\n'),
        )
        return isWell(status) ? EXIT.ok : EXIT.unexpected
      }),
    )
}

/** The page from top to bottom. */
const sectionsOf = (status: PlatformStatus, { columns }: Terminal, most: number): StatusSection[] => [
  tenantsSection(status, most, columns),
  keptSection(status.putAside),
  snapshotsSection(status.snapshots, status.at, columns),
  archivesSection(status.archives, status.at, columns),
  schedulesSection(status.schedules, columns),
]

const sectionText = ({ title, lines }: StatusSection): string => [title, ...lines].join('\n')
