// `alert`: what is wrong now, who knows of it, quieting it, and trying the ways out.
import { userInfo } from 'node:os'
import type { Command } from 'commander'
import type { AlertDesk, ChannelReport, Incident, Mute } from '../domain/alerts.js'
import { EXIT, Failure } from '../domain/errors.js'
import { durationMs } from '../domain/quantity.js'
import type { Clock } from '../sys/clock.js'
import { act, type Doors } from './desk.js'
import { instantText, show } from './output.js'
import { table } from './table.js'

export function alertCommand(program: Command, doors: Doors): void {
  const alert = program
    .command('alert')
    .description('incidents: see them, quiet them, test how they are told')
  listCommand(alert, doors)
  ackCommand(alert, doors)
  muteCommand(alert, doors)
  testCommand(alert, doors)
}

function listCommand(alert: Command, doors: Doors): void {
  alert
    .command('list')
    .description('what is wrong now, worst first')
    .option('--all', 'those that are over too')
    .action((_options, command: Command) =>
      act<{ all?: boolean }>(doors, command, async ({ desk, terminal, options }) => {
        show(terminal, desk.alerts.list({ closed: options.all === true }), listText)
        return undefined
      }),
    )
}

function ackCommand(alert: Command, doors: Doors): void {
  alert
    .command('ack')
    .argument('<id>', 'as `gmah-backup alert list` shows it; its beginning is enough')
    .description('say that you know: no reminders, one message when it is over')
    .action((id: string, _options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const incident = desk.alerts.ack(id, userInfo().username)
        show(terminal, incident, one => `acknowledged: ${one.id}`)
        return undefined
      }),
    )
}

function muteCommand(alert: Command, doors: Doors): void {
  alert
    .command('mute')
    .argument('<id|rule>', 'an incident, or every incident of a rule, like backup-late')
    .requiredOption('--until <when>', 'for so long (2h, 3d), or until an instant (2026-12-01T08:00:00Z)')
    .requiredOption('--why <words>', 'for whoever wonders at the silence')
    .description('no messages until then; what is still wrong is told afterwards')
    .action((target: string, _options, command: Command) =>
      act<{ until: string; why: string }>(doors, command, async ({ desk, terminal, options }) => {
        const until = readUntil(options.until, doors.clock)
        const mute = desk.alerts.mute(target, { until, why: options.why, by: userInfo().username })
        show(terminal, mute, muteText)
        return undefined
      }),
    )
}

function testCommand(alert: Command, doors: Doors): void {
  alert
    .command('test')
    .argument('[channel]', 'as the configuration names it; all of them by default')
    .description('send a test message through the real path')
    .action((channel: string | undefined, _options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const reports = await desk.alerts.test(channel)
        show(terminal, reports, testText)
        const failed = reports.filter(one => !one.sent).map(one => one.channel)
        if (failed.length === 0) return EXIT.ok
        if (terminal.json) return EXIT.unexpected
        throw new Failure('alert-failed', `no message through ${failed.join(', ')}`)
      }),
    )
}

const LONGEST_MUTE_MS = 90 * 86_400_000

function readUntil(text: string, clock: Clock): Date {
  const now = clock.now().getTime()
  const ms = durationMs(text)
  const at = ms === null ? Date.parse(/^\d{4}-\d\d-\d\d/.test(text) ? text : '') : now + ms
  if (Number.isNaN(at) || at <= now || at - now > LONGEST_MUTE_MS) {
    throw new Failure('usage', `not a time to mute until: ${text}`, {
      hint: 'write --until 2h, --until 3d or --until 2026-12-01T08:00:00Z, at most 90 days ahead',
    })
  }
  return new Date(at)
}

const ORDER = ['critical', 'warning', 'info']

function listText({ incidents, mutes }: ReturnType<AlertDesk['list']>): string {
  const sorted = [...incidents].sort(
    (a, b) =>
      Number(a.closedAt !== null) - Number(b.closedAt !== null) ||
      ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity),
  )
  const rows = sorted.map(one => [one.id, one.severity, instantText(one.openedAt), stateOf(one), one.title])
  const list =
    rows.length === 0 ? 'nothing is wrong' : table(['id', 'severity', 'opened', 'state', 'what'], rows)
  return [list, ...mutes.map(muteText)].join('\n')
}

function stateOf(incident: Incident): string {
  if (incident.closedAt) return 'over'
  if (incident.acked) return `known to ${incident.acked.by}`
  return incident.toldAt ? 'told' : 'gathering'
}

const muteText = ({ target, until, by, why }: Mute): string =>
  `${target} is muted until ${instantText(until)} by ${by}: ${why}`

const testText = (reports: ChannelReport[]): string =>
  table(
    ['channel', 'sent', 'problem'],
    reports.map(({ channel, sent, problem, hint }) => [
      channel,
      sent ? 'yes' : 'NO',
      [problem, hint].filter(Boolean).join('; '),
    ]),
  )
