// Mail through a real SMTP server, in every way that it can fail: what was told, what waits, and who is blamed.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Letter } from '../../src/alert/letter.js'
import { openChannel } from '../../src/alert/open-channel.js'
import type { EmailChannel } from '../../src/domain/alerts.js'
import { alertBench, DAY_MS, HOUR_MS, MINUTE_MS, PATIENT_MS } from '../kit/alerting.js'
import { type MailServer, type SmtpFault, startMailServer } from '../kit/smtp.js'

let server: MailServer
beforeAll(async () => {
  server = await startMailServer()
})
afterAll(() => server.stop())
beforeEach(() => {
  server.mails.length = 0
  server.fault(null)
})

const LETTER: Letter = {
  ...{
    incident: 'abcd1234',
    kind: 'opened',
    severity: 'critical',
    title: '[test] CRITICAL: no backup: <acme>',
  },
  ...{ thread: 'no backup', facts: [['since', '2026-11-23 01:30Z']], more: '', meaning: 'It means much.' },
  lines: [{ name: '<b>acme</b>', text: 'pg_dump & co', hint: 'look' }],
  ...{ next: ['gmah-backup runs'], link: null, footer: 'incident abcd1234' },
}

const open = (more: Partial<EmailChannel> = {}, timeoutMs = PATIENT_MS) =>
  openChannel(server.channel('mail', more), { language: 'en', installation: 'test host', timeoutMs })
const send = (more: Partial<EmailChannel> = {}, timeoutMs = PATIENT_MS) =>
  open(more, timeoutMs).send({ letter: LETTER, number: 7 })

describe('a mail', () => {
  test('has text and HTML that say the same, and belongs to its incident’s thread', async () => {
    await send()
    const [mail] = server.mails
    expect(mail?.subject).toBe('[test] CRITICAL: no backup: <acme>')
    expect(mail?.text).toContain('- <b>acme</b>: pg_dump & co')
    expect(mail?.html).toContain('&#60;b&#62;acme&#60;/b&#62;')
    expect(mail?.html).not.toContain('<b>acme')
    expect(mail?.html).not.toMatch(/<(script|img|link|style)/)
    expect(mail?.messageId).toBe('<gmah-backup.test-host.message-7@example.com>')
    expect(mail?.references).toBe('<gmah-backup.test-host.incident-abcd1234@example.com>')
    expect(mail?.headers.get('auto-submitted')).toBe('auto-generated')
    expect(mail?.headers.get('x-gmah-backup-incident')).toBe('abcd1234')
  })

  test.each<[string, { fault?: SmtpFault; channel?: Partial<EmailChannel> }, object]>([
    ['a recipient that is none', { fault: { refuse: 550 } }, { blame: 'channel' }],
    ['a message that is not liked', { fault: { refuseData: 554 } }, { blame: 'message' }],
    ['a full disk over there', { fault: { refuseData: 452 } }, { blame: 'transient' }],
    ['grey listing', { fault: { greylist: 2 } }, { blame: 'transient' }],
    ['a server that hangs', { fault: { hang: true } }, { blame: 'transient' }],
    ['a connection cut after DATA', { fault: { dropAfterData: true } }, { blame: 'transient' }],
    ['a certificate of nobody we know', { channel: { caFile: null } }, { blame: 'channel' }],
    ['a file of the authority that is not there', { channel: { caFile: '/none' } }, { blame: 'channel' }],
    ['a wrong password', { channel: { password: 'hunter2' } }, { blame: 'channel' }],
    ['TLS where the server starts without', { channel: { tls: 'tls' } }, { blame: 'channel' }],
    ['a name that DNS does not know', { channel: { host: 'mail.invalid' } }, { blame: 'transient' }],
    ['a port where nobody listens', { channel: { port: 9 } }, { blame: 'transient' }],
  ])('is not taken: %s', async (_what, { fault = null, channel = {} }, expected) => {
    server.fault(fault)
    // Who never answers is waited for in vain; everyone else may take the time that a busy machine needs.
    const thrown = await send(channel, fault && 'hang' in fault ? 500 : PATIENT_MS).catch(error => error)
    expect(thrown).toMatchObject({ name: 'Undelivered', ...expected })
    expect(`${thrown.message} ${thrown.hint}`).not.toMatch(/hunter2|correct horse/)
  })

  test('goes through TLS from the first byte on, too', async () => {
    const wrapped = await startMailServer({ wrapped: true })
    const channel = wrapped.channel('mail', { tls: 'tls' })
    await openChannel(channel, { language: 'en', installation: 'x', timeoutMs: PATIENT_MS }).send({
      letter: LETTER,
      number: 1,
    })
    expect(wrapped.mails).toHaveLength(1)
    await wrapped.stop()
  })

  test('a certificate of another name is refused', async () => {
    const stranger = await startMailServer({ names: 'DNS:other.example' })
    const channel = openChannel(stranger.channel(), {
      language: 'en',
      installation: 'x',
      timeoutMs: PATIENT_MS,
    })
    await expect(channel.send({ letter: LETTER, number: 1 })).rejects.toMatchObject({ blame: 'channel' })
    await stranger.stop()
  })

  test('a probe connects, says the password, and sends nothing', async () => {
    await open().probe()
    expect(server.mails).toEqual([])
    await expect(open({ password: 'hunter2' }).probe()).rejects.toMatchObject({ blame: 'channel' })
  })
})

describe('on its way', () => {
  test('grey listed, it arrives at the next attempt, once', async () => {
    const bench = alertBench([server.channel()])
    server.fault({ greylist: 1 })
    bench.night({ acme: 'lock-timeout' })
    await bench.alerting.tick()
    expect(server.mails).toHaveLength(0)
    await bench.pass(MINUTE_MS, MINUTE_MS)
    await bench.pass(HOUR_MS)
    expect(server.mails.map(mail => mail.subject)).toEqual(['[test] warning: backup failed: acme'])
  })

  test('cut off after DATA it may come twice, under one name and one incident', async () => {
    const bench = alertBench([server.channel()])
    server.fault({ dropAfterData: true })
    bench.night({ acme: 'lock-timeout' })
    await bench.alerting.tick()
    server.fault(null)
    await bench.pass(5 * MINUTE_MS)
    await bench.pass(HOUR_MS)
    expect(server.mails).toHaveLength(2)
    expect(new Set(server.mails.map(mail => mail.messageId)).size).toBe(1)
    expect(new Set(server.mails.map(mail => mail.headers.get('x-gmah-backup-incident'))).size).toBe(1)
  })

  test('killed between send and mark, the next process sends it once more, under the same name', async () => {
    const bench = alertBench([server.channel()])
    bench.outbox.sent = () => {
      throw new Error('killed')
    }
    bench.night({ acme: 'lock-timeout' })
    await bench.alerting.tick()
    expect(server.mails).toHaveLength(1)
    const again = alertBench([server.channel()], {}, { clock: bench.clock, folder: bench.folder })
    await again.alerting.tick()
    expect(server.mails).toHaveLength(1)
    await again.pass(HOUR_MS)
    expect(server.mails).toHaveLength(2)
    expect(server.mails[1]?.messageId).toBe(server.mails[0]?.messageId)
    expect(again.outbox.pending()).toBe(0)
  })

  test('a server down for a day: the failing channel is told elsewhere, nothing is lost, nothing floods', async () => {
    const other = await startMailServer()
    const bench = alertBench([server.channel('down'), other.channel('other')])
    await server.stop()
    const causes = [
      'dump-failed',
      'lock-timeout',
      'store-busy',
      'disk-full',
      'tool-missing',
      'dump-invalid',
    ] as const
    bench.night(Object.fromEntries(causes.map((code, at) => [`t${at}`, code])), ['well'])
    await bench.alerting.tick()
    await bench.pass(DAY_MS, 10 * MINUTE_MS)
    expect(server.mails).toEqual([])
    const said = () => other.mails.map(mail => mail.subject)
    expect(said().filter(one => one?.includes('do not get through: down'))).toHaveLength(1)
    bench.night({ t5: 'dump-invalid' }, ['t0', 't1', 't2', 't3', 't4', 'well'])
    await bench.alerting.tick()
    await server.start()
    await bench.pass(HOUR_MS)
    expect(server.mails.length).toBeLessThanOrEqual(2)
    const text = server.mails.map(mail => `${mail.subject} ${mail.text}`).join('\n')
    for (let at = 0; at < 6; at++) expect(text).toContain(`t${at}`)
    // An incident is one line: its end says what its beginning and its reminders would have said.
    const ids = server.mails[0]?.text?.match(/\([0-9a-f]{8}\)/g) ?? []
    expect(ids).toHaveLength(new Set(ids).size)
    expect(ids.length).toBeGreaterThanOrEqual(6)
    expect(said().at(-1)).toContain('over: alerts do not get through: down')
    expect(bench.outbox.pending()).toBe(0)
    await other.stop()
  })
})
