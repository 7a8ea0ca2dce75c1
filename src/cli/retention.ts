// `retention plan`: every backup with keep or remove and all reasons. `sweep`: carries the plan out.
import type { Command } from 'commander'
import { EXIT } from '../domain/errors.js'
import { subjectNamed } from '../domain/subject.js'
import { parseCount } from './arguments.js'
import { act, type Desk, type Doors } from './desk.js'
import { show, type Terminal } from './output.js'
import { sweepJson, sweepText, viewJson, viewText } from './retention-text.js'

export function retentionCommand(program: Command, doors: Doors): void {
  program
    .command('retention')
    .description('what the policy keeps, and why')
    .command('plan')
    .argument('[tenant]', 'a tenant, platform/master or platform/globals; all when none is given')
    .description('say of every backup whether it is kept or would be removed, and why; removes nothing')
    .action((tenant: string | undefined, _options, command: Command) =>
      act(doors, command, ({ desk, terminal }) => showPlan(desk, terminal, tenant)),
    )
}

export function sweepCommand(program: Command, doors: Doors): void {
  program
    .command('sweep')
    .description('remove what the policy no longer keeps, as `gmah-backup retention plan` says')
    .option(
      '--yes-remove <n>',
      'remove also what a refused sweep asked about: the number it said',
      parseCount,
    )
    .option('--dry-run', 'say what would be removed, and remove nothing')
    .action((_options, command: Command) =>
      act<{ yesRemove?: number; dryRun?: true }>(doors, command, async ({ desk, terminal, options }) => {
        if (options.dryRun) return showPlan(desk, terminal, undefined)
        const { SWEEP } = await import('../jobs/errands-store.js')
        const { endOfSweep } = await import('../jobs/sweep-store.js')
        const report = await desk.errand(SWEEP, { yesRemove: options.yesRemove ?? null })
        show(terminal, sweepJson(report), () => sweepText(report))
        return endOfSweep(report).outcome === 'succeeded' ? EXIT.ok : EXIT.partial
      }),
    )
}

async function showPlan(desk: Desk, terminal: Terminal, tenant: string | undefined): Promise<number> {
  const { RETENTION } = await import('../jobs/question.js')
  const only = tenant === undefined ? null : subjectNamed(tenant)
  const view = await desk.question(RETENTION, { only })
  show(terminal, viewJson(view), () => viewText(view, terminal.columns))
  return view.problems.length > 0 ? EXIT.partial : EXIT.ok
}
