// Slack as a real HTTP endpoint that answers as Slack does, and the heartbeats: what was posted, what waits, who is blamed.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Letter } from '../../src/alert/letter.js'
import { openChannel } from '../../src/alert/open-channel.js'
import type { HeartbeatConfig } from '../../src/domain/alerts.js'
import { Failure } from '../../src/domain/errors.js'
import { alertBench, HOUR_MS, MINUTE_MS, PATIENT_MS } from '../kit/alerting.js'
import { faultyHttp } from '../kit/faulty-http.js'
import { type SlackFault, type SlackServer, startSlack } from '../kit/slack.js'

let slack: SlackServer
beforeAll(async () => {
  slack = await startSlack()
})
afterAll(() => slack.stop())
beforeEach(() => {
  slack.posts.length = 0
  slack.fault(null)
})

const LETTER: Letter = {
  ...{
    incident: 'abcd1234',
    kind: 'opened',
    severity: 'critical',
    title: `[test] CRITICAL: ${'x'.repeat(300)}`,
  },
  ...{ thread: 'no backup', facts: [['since', '2026-11-23 01:30Z']], more: '', meaning: 'It means much.' },
  lines: Array.from({ length: 200 }, (_, at) => ({ name: `<!channel> ${at}`, text: 'a & b', hint: 'look' })),
  ...{
    next: ['gmah-backup runs'],
    link: { text: 'the run', url: 'https://backup.test/runs/1' },
    footer: 'f',
  },
}

const open = (url = slack.url, timeoutMs = PATIENT_MS) =>
  openChannel(slack.channel('slack', { webhookUrl: url }), { language: 'en', installation: 'x', timeoutMs })

describe('a post', () => {
  test('is blocks with the colour of its severity, inside Slack’s limits, and nobody’s name rings a bell', async () => {
    await open().send({ letter: LETTER, number: 1 })
    const [attachment] = slack.posts[0]?.attachments ?? []
    expect(attachment?.color).toBe('#d64545')
    const blocks = attachment?.blocks as { type: string; text?: { text: string } }[]
    expect(blocks[0]?.text?.text.length).toBeLessThanOrEqual(150)
    for (const block of blocks) expect(block.text?.text.length ?? 0).toBeLessThanOrEqual(3000)
    expect(JSON.stringify(slack.posts)).toContain('&lt;!channel&gt;')
    expect(JSON.stringify(slack.posts)).not.toContain('<!channel>')
    expect(JSON.stringify(slack.posts)).toContain('<https://backup.test/runs/1|the run>')
  })

  test('whose blocks are refused goes as plain text', async () => {
    slack.fault('no-blocks')
    await open().send({ letter: { ...LETTER, lines: LETTER.lines.slice(0, 30) }, number: 1 })
    expect(slack.posts).toMatchObject([{ text: expect.stringContaining('It means much.') }])
  })

  test.each<[string, SlackFault | 'hang', object]>([
    [
      'too many',
      { status: 429, body: 'rate_limited', retryAfter: 30 },
      { blame: 'transient', waitMs: 30_000 },
    ],
    ['an error of theirs', { status: 500, body: 'server_error' }, { blame: 'transient' }],
    ['no answer', 'hang', { blame: 'transient' }],
    ['a payload that is none', { status: 400, body: 'invalid_payload' }, { blame: 'message' }],
    ['a webhook that is gone', { status: 404, body: 'no_service' }, { blame: 'channel' }],
    ['a channel that is archived', { status: 410, body: 'channel_is_archived' }, { blame: 'channel' }],
    ['a token that is none', { status: 403, body: 'invalid_token' }, { blame: 'channel' }],
  ])('is not taken: %s', async (_what, fault, expected) => {
    slack.fault(fault)
    // Who never answers is waited for in vain; everyone else may take the time that a busy machine needs.
    const thrown = await open(slack.url, fault === 'hang' ? 500 : PATIENT_MS)
      .send({ letter: LETTER, number: 1 })
      .catch(error => error)
    expect(thrown).toMatchObject({ name: 'Undelivered', ...expected })
    expect(`${thrown.message} ${thrown.hint}`).not.toContain('secret-part')
  })

  test('DNS gone is a reason to wait', async () => {
    const gone = open('https://hooks.slack.invalid/services/secret-part')
    const thrown = await gone.send({ letter: LETTER, number: 1 }).catch(error => error)
    expect(thrown).toMatchObject({ blame: 'transient' })
    expect(thrown.message).not.toContain('secret-part')
  })

  test('a probe posts nothing, and knows a webhook that is gone', async () => {
    await open().probe()
    expect(slack.posts).toEqual([])
    slack.fault({ status: 404, body: 'no_service' })
    await expect(open().probe()).rejects.toMatchObject({ blame: 'channel' })
  })
})

test('asked to slow down, it waits as long as it was told to', async () => {
  const bench = alertBench([slack.channel()])
  slack.fault({ status: 429, body: 'rate_limited', retryAfter: 300 })
  bench.night({ acme: 'lock-timeout' })
  await bench.alerting.tick()
  const before = slack.requests
  await bench.pass(4 * MINUTE_MS, MINUTE_MS)
  expect(slack.requests).toBe(before)
  slack.fault(null)
  await bench.pass(2 * MINUTE_MS, MINUTE_MS)
  expect(slack.posts.map(post => post.text)).toEqual(['[test] warning: backup failed: acme'])
})

// The jitter decides whether the channel is asked again before or after the day's reminders are due.
test.each([0, 0.5, 0.99])(
  'a day without Slack is one message when it is back, with a jitter of %d',
  async jitter => {
    const bench = alertBench([slack.channel()], {}, { random: () => jitter })
    slack.fault({ status: 500, body: 'server_error' })
    const codes = ['dump-failed', 'lock-timeout', 'store-busy', 'disk-full', 'tool-missing'] as const
    bench.night(Object.fromEntries(codes.map((code, at) => [`t${at}`, code])))
    await bench.pass(24 * HOUR_MS, 15 * MINUTE_MS)
    slack.fault(null)
    await bench.pass(HOUR_MS)
    const [first, ...rest] = slack.posts
    expect(first?.text).toMatch(/messages that could not be sent before/)
    for (let at = 0; at < 5; at++) expect(JSON.stringify(first)).toContain(`t${at}`)
    expect(rest.length).toBeLessThanOrEqual(1)
    expect(bench.outbox.pending()).toBe(0)
  },
)

test('a disk so full that nothing can be kept is told all the same, once', async () => {
  const bench = alertBench([slack.channel(), slack.channel('one', { tenants: ['acme'] })])
  const { together } = bench.ledger
  bench.ledger.together = () => {
    throw new Failure('disk-full', 'no space left for /state/alerts.sqlite')
  }
  bench.night({ acme: 'disk-full' })
  for (let ticks = 0; ticks < 5; ticks++) await bench.alerting.tick()
  expect(slack.posts.map(post => post.text)).toEqual([
    '[test] CRITICAL: alerts cannot be kept any more (disk-full)',
  ])
  bench.ledger.together = together
  await bench.alerting.tick()
  expect(slack.posts[1]?.text).toBe('[test] warning: backup failed: acme')
})

describe('heartbeats', () => {
  const beating = async (style: HeartbeatConfig['style']) => {
    const http = await faultyHttp('http://127.0.0.1:9')
    http.add({ times: 1000, effect: { status: 200 } })
    const url = `${http.endpoint}/ping/uuid?key=1`
    const bench = alertBench([], { heartbeats: [{ name: 'beat', url, style, everyMs: 5 * MINUTE_MS }] })
    const pings = () => http.requests.splice(0).map(one => one.url)
    return { bench, http, pings }
  }

  test('say start, success and failure in the words of their service', async () => {
    const { bench, http, pings } = await beating('healthchecks')
    const { id: run } = bench.journal.startRun({ job: 'backup-all', trigger: 'schedule' })
    await bench.alerting.tick()
    expect(pings()).toEqual(['/ping/uuid/start?key=1'])
    bench.journal.finishRun(run, { outcome: 'succeeded' })
    bench.night({}, ['acme', 'beta'])
    await bench.alerting.tick()
    expect(pings()).toEqual(['/ping/uuid?key=1'])
    await bench.pass(10 * MINUTE_MS)
    expect(pings()).toEqual(['/ping/uuid?key=1', '/ping/uuid?key=1'])
    await bench.pass(30 * HOUR_MS, HOUR_MS)
    expect(pings().at(-1)).toBe('/ping/uuid/fail?key=1')
    await http.stop()
  })

  test('are silent while one subject of many is outside its window', async () => {
    const { bench, http, pings } = await beating('plain')
    bench.night({}, ['acme', 'beta'])
    await bench.alerting.tick()
    expect(pings()).toHaveLength(1)
    await bench.pass(26 * HOUR_MS, 13 * HOUR_MS)
    bench.night({ beta: 'lock-timeout' }, ['acme'])
    await bench.pass(2 * HOUR_MS, 2 * HOUR_MS)
    pings()
    await bench.pass(HOUR_MS)
    expect(pings()).toEqual([])
    bench.night({}, ['acme', 'beta'])
    await bench.alerting.tick()
    expect(pings()).toHaveLength(1)
    await http.stop()
  })

  test('that do not get through are told, without their address', async () => {
    const { bench, http } = await beating('plain')
    await http.stop()
    bench.night({}, ['acme'])
    await bench.pass(HOUR_MS)
    const [incident] = bench.desk.list({ closed: false }).incidents
    expect(incident).toMatchObject({ rule: 'heartbeat-failing', cause: 'beat' })
    expect(JSON.stringify(incident)).not.toContain('uuid')
  })
})
