// Failures as the journal tells them, those that no test makes really happen here, on a real mail server and a real Slack endpoint:
// each is told in the right channels once, and its end once. Two hundred at once are one message.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import type { NewEvent } from '../../src/domain/events.js'
import type { BackupId } from '../../src/domain/ids.js'
import {
  type AlertBench,
  alertBench,
  backupFacts,
  DAY_MS,
  failure,
  HOUR_MS,
  MINUTE_MS,
  tenant,
} from '../kit/alerting.js'
import { type SlackServer, startSlack } from '../kit/slack.js'
import { type MailServer, startMailServer } from '../kit/smtp.js'

let mail: MailServer
let slack: SlackServer
beforeAll(async () => {
  mail = await startMailServer()
  slack = await startSlack()
})
afterAll(async () => {
  await slack.stop()
  await mail.stop()
})

const backup = 'b1b1b1b1b1b1' as BackupId
const swap = { live: 'gmah_org_acme', incoming: 'restoring_1', kept: 'gmah_org_acme_before' }

interface Planted {
  title: string
  /** Critical ones are told in Slack too; it hears nothing less. */
  critical?: true
  /** What happened and does not last has no end to be told. */
  momentary?: true
  begin(bench: AlertBench): unknown
  end?(bench: AlertBench): unknown
}

const tell =
  (event: Pick<NewEvent, 'type' | 'facts'> & { subject?: NewEvent['subject'] }) => (bench: AlertBench) =>
    bench.event(event as never)

/** A run of a job that ends so. */
const run =
  (
    job: string,
    outcome: 'failed' | 'partial' | 'succeeded',
    inside?: (bench: AlertBench, run: never) => void,
  ) =>
  (bench: AlertBench) => {
    const { id } = bench.journal.startRun({ job, trigger: 'schedule' })
    inside?.(bench, id as never)
    bench.journal.finishRun(id, { outcome })
  }

const acme = tenant('acme')
const PLANTED: Planted[] = [
  {
    title: 'warning: archive-tenants failed',
    begin: run('archive-tenants', 'failed'),
    end: run('archive-tenants', 'succeeded'),
  },
  { title: 'warning: drill ended partial', begin: run('drill', 'partial'), end: run('drill', 'succeeded') },
  {
    title: 'warning: the sweep failed: acme',
    begin: run('sweep', 'partial', (bench, id) =>
      bench.event({ type: 'sweep-failed', run: id, subject: acme, facts: { error: failure('store-busy') } }),
    ),
    end: run('sweep', 'succeeded'),
  },
  {
    title: 'CRITICAL: a damaged archive: acme',
    critical: true,
    begin: tell({
      type: 'archive-verified',
      subject: acme,
      facts: { archive: '2026-10', members: 3, bytes: 5, problems: ['digest differs'] },
    }),
    end: tell({
      type: 'archive-verified',
      subject: acme,
      facts: { archive: '2026-10', members: 3, bytes: 5, problems: [] },
    }),
  },
  {
    title: 'CRITICAL: a test restore failed: acme',
    critical: true,
    begin: tell({ type: 'proof-failed', subject: acme, facts: { backup, differences: ['public.t: rows'] } }),
    end: tell({ type: 'proof-passed', subject: acme, facts: { backup, tables: 1, rows: 1, durationMs: 1 } }),
  },
  {
    title: 'warning: databases and tenants disagree (database-vanished)',
    begin: run('backup-all', 'succeeded', (bench, id) => {
      bench.event({ type: 'drift', run: id, facts: { kind: 'database-vanished', database: 'gmah_org_x' } })
    }),
    end: run('backup-all', 'succeeded'),
  },
  {
    title: 'warning: a swap that was cut short was put right: acme',
    momentary: true,
    begin: tell({ type: 'swap-repaired', subject: acme, facts: { ...swap, outcome: 'as-before' } }),
  },
]

test('each is told in the right channels once, and its end once', async () => {
  const bench = alertBench([mail.channel('team'), slack.channel('pager', { severity: 'critical' })])
  for (let night = 0; night < 4; night++) bench.night({}, ['acme', 'beta'])
  await bench.alerting.tick()
  expect([mail.mails, slack.posts]).toEqual([[], []])
  for (const { title, critical, momentary, begin, end } of PLANTED) {
    begin(bench)
    await bench.pass(MINUTE_MS, MINUTE_MS)
    await bench.pass(MINUTE_MS, MINUTE_MS)
    const bare = title.replace(/^\w+: /, '')
    expect(mail.mails.splice(0).map(one => one.subject)).toEqual([`[test] ${title}`])
    expect(slack.posts.splice(0).map(one => one.text)).toEqual(critical ? [`[test] ${title}`] : [])
    end?.(bench)
    await bench.pass(12 * MINUTE_MS, MINUTE_MS)
    const over = momentary ? [] : [`[test] over: ${bare}`]
    expect(mail.mails.splice(0).map(one => one.subject)).toEqual(over)
    expect(slack.posts.splice(0).map(one => one.text)).toEqual(critical ? over : [])
  }
  expect(bench.outbox.pending()).toBe(0)
  expect(bench.desk.list({ closed: false }).incidents).toEqual([])
})

test('a restore in place is one message, its undoing another', async () => {
  const bench = alertBench([mail.channel('team')])
  const told = async (incoming: string, kept: string | null) => {
    const facts = {
      ...swap,
      incoming,
      kept,
      downtimeMs: kept === null ? null : 80,
      refusals: 0,
      pausedMs: null,
      endedConnections: 1,
    }
    bench.event({ type: 'swap-finished', subject: acme, facts } as never)
    await bench.alerting.tick()
    const [one, ...others] = mail.mails.splice(0)
    expect(others).toEqual([])
    return [one?.subject, one?.text?.match(/^- acme: (.*)$/m)?.[1]]
  }
  const [put, back] = [`${swap.live}__before_0123456789ab`, `${swap.live}__before_ba9876543210`]
  const info = '[test] for information: '
  expect(await told('restoring_0123456789ab', put)).toEqual([
    `${info}a restored database is in use: acme`,
    `${swap.live}: 80 ms; ${put}`,
  ])
  expect(await told(put, back)).toEqual([`${info}a restore was undone: acme`, `${swap.live}: 80 ms; ${back}`])
  // Where the tenant's database was gone.
  expect((await told('restoring_0123456789ab', null))[1]).toBe(swap.live)
})

test('a tidying up that fails keeps nothing from being sent, and is told itself', async () => {
  const bench = alertBench([slack.channel('chat')])
  bench.ledger.tidy = () => {
    throw new Failure('disk-full', 'no room to tidy')
  }
  bench.clock.pass(2 * DAY_MS)
  bench.night({ acme: 'lock-timeout' })
  await bench.alerting.tick()
  expect(slack.posts.map(one => one.text)).toEqual([expect.stringContaining('backup failed: acme')])
  await bench.alerting.tick()
  await bench.alerting.tick()
  expect(slack.posts.slice(1).map(one => JSON.stringify(one))).toEqual([
    expect.stringContaining('no room to tidy'),
  ])
  slack.posts.length = 0
})

test('mail and Slack both away for a day: nothing is lost, nothing floods', async () => {
  const bench = alertBench([mail.channel('team'), slack.channel('chat')])
  await mail.stop()
  await slack.stop()
  const causes = ['dump-failed', 'lock-timeout', 'store-busy', 'disk-full', 'tool-missing'] as const
  bench.night(Object.fromEntries(causes.map((code, at) => [`t${at}`, code])), ['well'])
  await bench.pass(DAY_MS, HOUR_MS)
  expect([mail.mails, slack.posts]).toEqual([[], []])
  await mail.start()
  await slack.start()
  await bench.pass(HOUR_MS, 10 * MINUTE_MS)
  for (const said of [mail.mails.map(one => one.text), slack.posts.map(one => JSON.stringify(one))]) {
    expect(said.length).toBeLessThanOrEqual(3)
    for (const at of causes.keys()) expect(said.join(' ')).toContain(`t${at}`)
  }
  expect(bench.outbox.pending()).toBe(0)
  for (const all of [mail.mails, slack.posts]) all.length = 0
})

test('two hundred tenants that fail at once are one message a channel', async () => {
  const bench = alertBench([mail.channel('team'), slack.channel('chat')])
  const names = Array.from({ length: 200 }, (_, at) => `tenant-${at}`)
  bench.night(Object.fromEntries(names.map(name => [name, 'postgres-unreachable' as const])))
  await bench.pass(HOUR_MS, 10 * MINUTE_MS)
  expect(mail.mails).toHaveLength(1)
  expect(slack.posts).toHaveLength(1)
  expect(mail.mails[0]?.text).toContain('and 170 more')
  bench.night({}, names, backupFacts())
  await bench.pass(HOUR_MS, 10 * MINUTE_MS)
  expect(mail.mails.map(one => one.subject?.slice(0, 21))).toEqual([
    '[test] warning: backu',
    '[test] over: backup f',
  ])
  expect(slack.posts).toHaveLength(2)
})
