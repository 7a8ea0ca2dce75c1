// `snapshot list | create | delete | sheet`: the provider's snapshots of the servers.
import { type Command, InvalidArgumentError } from 'commander'
import type { SnapshotRow } from '../jobs/list-snapshots.js'
import { act, type Doors, type GlobalOptions, reportFailure } from './desk.js'
import { counted, instantText, processTerminal, secondsText, show } from './output.js'
import { table } from './table.js'

export function snapshotCommand(program: Command, doors: Doors): void {
  const snapshot = program.command('snapshot').description('snapshots of the servers at Hetzner')
  listCommand(snapshot, doors)
  createCommand(snapshot, doors)
  deleteCommand(snapshot, doors)
  sheetCommand(snapshot, doors)
}

function listCommand(snapshot: Command, doors: Doors): void {
  snapshot
    .command('list')
    .description('every snapshot of the project, and every recovery sheet; without a token the sheets alone')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>()
      const terminal = processTerminal(options)
      await reportFailure(terminal, async () => {
        const { listSnapshots } = await import('../jobs/list-snapshots.js')
        const outpost = await doors.openOutpost(options)
        const rows = await listSnapshots(outpost, outpost.signal)
        show(terminal, rows, () => snapshotsText(rows, terminal.columns))
        if (!outpost.hetzner && !terminal.json)
          terminal.err('off: there is no hetzner.token_file in the configuration, so Hetzner was not asked')
        return undefined
      })
    })
}

/** A line a snapshot, newest first, and what they cost together. */
export function snapshotsText(rows: readonly SnapshotRow[], columns: number | null): string {
  if (rows.length === 0) return 'no snapshots; type `gmah-backup snapshot create SERVER`'
  const lines = rows.map(row => [
    String(row.image),
    row.server,
    instantText(row.created),
    row.status,
    row.sizeGb === null ? '' : `${row.sizeGb} GB`,
    row.costPerMonth === null ? '' : row.costPerMonth.toFixed(2),
    row.ours ? (row.schedule ?? '') : 'not ours',
    [row.held ?? '', row.ours && !row.sheet ? 'no sheet yet' : ''].filter(Boolean).join(', '),
  ])
  const sum = rows.reduce((total, row) => total + (row.costPerMonth ?? 0), 0)
  const headings = ['id', 'server', 'made', 'status', 'size', 'a month', 'schedule', '']
  const cost = sum > 0 ? `, ${sum.toFixed(2)} a month in all, net` : ''
  return [
    table(headings, lines, { right: ['size', 'a month'], columns }),
    '',
    `${counted(rows.length, 'snapshot')}${cost}`,
  ].join('\n')
}

function createCommand(snapshot: Command, doors: Doors): void {
  snapshot
    .command('create')
    .argument('<server>', 'its name at Hetzner')
    .option('--description <words>', 'what it is for')
    .option('--shutdown', 'shut it down for the snapshot, and start it again: it is away for minutes')
    .description('make one now; no schedule removes it')
    .action((server: string, _options, command: Command) =>
      act<{ description?: string; shutdown?: true }>(doors, command, async ({ desk, terminal, options }) => {
        const { SNAPSHOT_CREATE } = await import('../jobs/errands-snapshot.js')
        const { description = null, shutdown = false } = options
        const request = { server, description, shutdown }
        if (!terminal.json)
          terminal.err('this takes minutes; interrupted, the next one takes over what was begun')
        const report = await desk.errand(SNAPSHOT_CREATE, request)
        show(terminal, report, ({ snapshot: made, warnings }) =>
          [
            `snapshot ${made.image} of ${made.server}: ${made.sizeGb} GB in ${secondsText(made.durationMs / 1000)}`,
            `its recovery sheet: ${made.sheet}`,
            ...warnings.map(one => `note: ${one}`),
          ].join('\n'),
        )
        return undefined
      }),
    )
}

function deleteCommand(snapshot: Command, doors: Doors): void {
  snapshot
    .command('delete')
    .argument('<id>', 'as `snapshot list` shows it', parseId)
    .description('remove one of ours; the newest of a server, protected and kept ones are refused')
    .action((id: number, _options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const { SNAPSHOT_DELETE } = await import('../jobs/errands-snapshot.js')
        const gone = await desk.errand(SNAPSHOT_DELETE, { image: id })
        show(terminal, gone, ({ image, server }) => `snapshot ${image} of ${server} is gone, and its sheet`)
        return undefined
      }),
    )
}

function sheetCommand(snapshot: Command, doors: Doors): void {
  snapshot
    .command('sheet')
    .argument('[id]', 'a snapshot, or latest', 'latest')
    .option('--server <name>', 'the latest of this server')
    .description('the recovery sheet: all that is needed to make such a server anew; needs no token')
    .action(async (which: string, _options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { server?: string }>()
      const terminal = processTerminal(options)
      await reportFailure(terminal, async () => {
        const { findSheet } = await import('../jobs/list-snapshots.js')
        const outpost = await doors.openOutpost(options)
        const sheet = await findSheet(outpost, { which, server: options.server ?? null })
        terminal.out(JSON.stringify(sheet, null, 2))
        return undefined
      })
    })
}

function parseId(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give the number that `snapshot list` shows.')
  return Number(text)
}
