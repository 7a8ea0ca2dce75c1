// `vps rebuild`: a server put back from a snapshot, from another machine. Needs the store, an identity and the token; no
// PostgreSQL, no state.
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { Failure } from '../domain/errors.js'
import { listSnapshots } from '../jobs/list-snapshots.js'
import { planRebuild, type RebuildRequest, rebuildServer } from '../jobs/rebuild-server.js'
import { type Doors, type GlobalOptions, type OpenOutpost, reportFailure } from './desk.js'
import { instantText, processTerminal, secondsText, show, type Terminal } from './output.js'
import { snapshotsText } from './snapshot.js'

interface RebuildOptions extends GlobalOptions {
  serverName?: string
  image?: string
}

const WHAT_NEXT = `next: wait for it to answer, then bring the tenants up to last night:
  restore-playbooks/vps-from-snapshot.md, from step 5`

export function vpsCommand(program: Command, doors: Doors): void {
  program
    .command('vps')
    .description('servers as a whole')
    .command('rebuild')
    .option('--server-name <name>', 'typed as a confirmation: the server whose disk will be replaced')
    .option('--image <id>', 'typed as a confirmation: the snapshot, as the list shows it')
    .description('put a server back from a snapshot; asks for both names, and refuses the server it runs on')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<RebuildOptions>()
      const terminal = processTerminal(options)
      await reportFailure(terminal, async () => {
        const outpost = await doors.openOutpost(options)
        const asked = await confirmed(outpost, options, terminal)
        const plan = await planRebuild(outpost, asked, outpost.signal)
        for (const warning of plan.warnings) terminal.err(`note: ${warning}`)
        if (!terminal.json) terminal.err(`rebuilding ${plan.server.name} from snapshot ${plan.image.id}…`)
        const done = await rebuildServer(outpost, plan, outpost.signal)
        const took = secondsText(done.durationMs / 1000)
        show(
          terminal,
          done,
          () =>
            `${done.server} (${done.ip ?? 'no IPv4'}) runs from snapshot ${done.image}, after ${took}\n${WHAT_NEXT}`,
        )
        return undefined
      })
    })
}

/** Both names: from the options, or typed by a person who has seen the list and what the rebuild would do. */
async function confirmed(
  outpost: OpenOutpost,
  { serverName, image }: RebuildOptions,
  terminal: Terminal,
): Promise<RebuildRequest> {
  if (serverName !== undefined && image !== undefined) return { serverName, image }
  const rows = (await listSnapshots(outpost, outpost.signal)).filter(one => one.status === 'available')
  if (terminal.json || !process.stdin.isTTY || !terminal.live) {
    throw new Failure('usage', 'a rebuild is confirmed by --server-name and --image, both of them', {
      hint: 'type `gmah-backup snapshot list` to see the snapshots',
    })
  }
  terminal.err(snapshotsText(rows, terminal.columns))
  const line = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const typedImage =
      image ?? (await line.question('id of the snapshot: ', { signal: outpost.signal })).trim()
    const row = rows.find(one => String(one.image) === typedImage)
    const what = row ? `, of ${row.server}, made ${instantText(row.created)}` : ''
    terminal.err(`snapshot ${typedImage}${what} would replace the whole disk of a server`)
    const typedName =
      serverName ??
      (await line.question('type the name of that server to go on: ', { signal: outpost.signal })).trim()
    return { serverName: typedName, image: typedImage }
  } finally {
    line.close()
  }
}
