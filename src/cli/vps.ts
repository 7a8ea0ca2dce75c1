// `vps rebuild`: a server put back from a snapshot, from another machine. Needs the store, an identity and the token; no
// PostgreSQL, no state.
import type { Command } from 'commander'
import { Failure } from '../domain/errors.js'
import type { RebuildPlan, RebuildRequest } from '../jobs/rebuild-server.js'
import { type Ask, asked } from './confirm.js'
import { type Doors, type GlobalOptions, type OpenOutpost, reportFailure } from './desk.js'
import { processTerminal, secondsText, show, type Terminal } from './output.js'
import { snapshotsText } from './snapshot.js'

interface RebuildOptions extends GlobalOptions {
  serverName?: string
  image?: string
  snapshotFirst?: true
}

export function vpsCommand(program: Command, doors: Doors): void {
  program
    .command('vps')
    .description('servers as a whole')
    .command('rebuild')
    .option('--server-name <name>', 'typed as a confirmation: the server whose disk will be replaced')
    .option('--image <id>', 'typed as a confirmation: the snapshot, as the list shows it')
    .option('--snapshot-first', 'make a snapshot of what is there now, before it is replaced')
    .description('put a server back from a snapshot; asks for both names, and refuses the server it runs on')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<RebuildOptions>()
      const terminal = processTerminal(options)
      await reportFailure(terminal, async () => {
        const outpost = await doors.openOutpost(options)
        const { plan, snapshotFirst } = await confirmed(outpost, options, terminal)
        await rebuild(outpost, plan, { snapshotFirst, terminal })
        return undefined
      })
    })
}

async function rebuild(
  outpost: OpenOutpost,
  plan: RebuildPlan,
  { snapshotFirst, terminal }: { snapshotFirst: boolean; terminal: Terminal },
): Promise<void> {
  const { commandsAfterRebuild, snapshotBeforeRebuild } = await import('../jobs/before-and-after-rebuild.js')
  const { rebuildServer } = await import('../jobs/rebuild-server.js')
  const say = (text: string) => terminal.json || terminal.err(text)
  if (snapshotFirst) {
    say(`making a snapshot of ${plan.server.name} as it is; this takes minutes…`)
    const image = await snapshotBeforeRebuild(outpost, plan, outpost.signal)
    say(`snapshot ${image.id} has what is there now`)
  }
  const next = await commandsAfterRebuild(outpost, plan, outpost.signal)
  say(`rebuilding ${plan.server.name} from snapshot ${plan.image.id}…`)
  const done = await rebuildServer(outpost, plan, outpost.signal)
  const took = secondsText(done.durationMs / 1000)
  show(terminal, { ...done, next }, () =>
    [
      `${done.server} (${done.ip ?? 'no IPv4'}) runs from snapshot ${done.image}, after ${took}`,
      'next, once it answers: bring the tenants that changed since then up to their newest backup',
      '(restore-playbooks/vps-from-snapshot.md, from step 4):',
      ...next.map(one => `  ${one}`),
    ].join('\n'),
  )
}

interface Confirmed {
  plan: RebuildPlan
  snapshotFirst: boolean
}

/** Both names: as options, or typed by a person who has seen the list and then what the rebuild would do. */
async function confirmed(
  outpost: OpenOutpost,
  { serverName, image, ...options }: RebuildOptions,
  terminal: Terminal,
): Promise<Confirmed> {
  const { planRebuild } = await import('../jobs/rebuild-server.js')
  const { listSnapshots } = await import('../jobs/list-snapshots.js')
  const snapshotFirst = options.snapshotFirst === true
  const planned = async (request: RebuildRequest): Promise<RebuildPlan> => {
    const plan = await planRebuild(outpost, request, outpost.signal)
    for (const warning of plan.warnings) terminal.err(`note: ${warning}`)
    return plan
  }
  if (serverName !== undefined && image !== undefined)
    return { plan: await planned({ serverName, image }), snapshotFirst }
  if (terminal.json || process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    throw new Failure('usage', 'a rebuild is confirmed by --server-name and --image, both of them', {
      hint: 'type `gmah-backup snapshot list` to see the snapshots',
    })
  }
  const rows = (await listSnapshots(outpost, outpost.signal)).filter(one => one.status === 'available')
  terminal.err(snapshotsText(rows, terminal.columns))
  return asked(async ask => {
    const request = {
      image: image ?? (await ask('id of the snapshot: ')),
      serverName: serverName ?? (await ask('name of the server whose whole disk it replaces: ')),
    }
    const plan = await planned(request)
    const first = snapshotFirst || (await wantsSnapshot(ask, plan))
    await typedOut(ask, plan)
    return { plan, snapshotFirst: first }
  })
}

async function wantsSnapshot(ask: Ask, { server }: RebuildPlan): Promise<boolean> {
  const answer = await ask(`make a snapshot of ${server.name} as it is now, first? [Y/n] `)
  return !/^n(o)?$/i.test(answer)
}

/** The last word: both names, after everything was read. @throws Failure confirmation-missing */
async function typedOut(ask: Ask, { server, image }: RebuildPlan): Promise<void> {
  const words = `${server.name} ${image.id}`
  if ((await ask(`type "${words}" to go on: `)) === words) return
  throw new Failure('confirmation-missing', `the rebuild of ${server.name} was not confirmed`, {
    hint: 'nothing was changed; type the command again, and both names at its end',
  })
}
