// A process that is killed after the mail server has the message and before it is marked as sent: the next one sends it once
// more, under the same name and incident, and no more.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ALERT_MIGRATIONS } from '../../src/alert/alert-tables.js'
import { createDelivery } from '../../src/alert/delivery.js'
import type { Letter } from '../../src/alert/letter.js'
import { openChannel } from '../../src/alert/open-channel.js'
import { openOutbox } from '../../src/alert/outbox.js'
import { openSqlite } from '../../src/sys/sqlite.js'
import { MINUTE_MS, PATIENT_MS } from '../kit/alerting.js'
import { fakeClock } from '../kit/fake-clock.js'
import { type MailServer, startMailServer } from '../kit/smtp.js'
import { tempFolder } from '../kit/state.js'

const CHILD = new URL('../../dist/test/kit/outbox-child.js', import.meta.url).pathname
const LETTER: Letter = {
  ...{ incident: 'abcd1234', kind: 'opened', severity: 'critical', title: 'no backup', thread: 'no backup' },
  ...{ facts: [], more: '', meaning: 'It means much.', lines: [], next: [], link: null, footer: 'abcd1234' },
}

let server: MailServer
beforeAll(async () => {
  server = await startMailServer()
})
afterAll(() => server.stop())

test('killed between the end of DATA and the mark: told twice at most, as one incident', async () => {
  const folder = tempFolder()
  const channel = server.channel()
  const child = fork(CHILD, [JSON.stringify({ folder, channel, letter: LETTER })], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  // The message is whole at the server, and its sender never hears of it.
  server.fault({ afterData: () => void child.kill('SIGKILL') })
  expect(await ended).toEqual([null, 'SIGKILL'])
  expect(server.mails).toHaveLength(1)
  server.fault(null)

  const db = openSqlite(join(folder, 'alerts.sqlite'), ALERT_MIGRATIONS)
  const clock = fakeClock(new Date().toISOString())
  const outbox = openOutbox(db, clock)
  const words = { language: 'en', installation: 'test' } as const
  const channels = [openChannel(channel, { ...words, timeoutMs: PATIENT_MS })]
  const delivery = createDelivery({ outbox, clock, ...words })
  await delivery.run(channels)
  // The dead one's claim holds for a while: it might only be slow.
  expect([server.mails.length, outbox.pending()]).toEqual([1, 1])
  for (let tick = 0; tick < 3; tick++) {
    clock.pass(4 * MINUTE_MS)
    await delivery.run(channels)
  }
  expect([server.mails.length, outbox.pending()]).toEqual([2, 0])
  const [first, second] = server.mails
  expect(second?.messageId).toBe(first?.messageId)
  expect(second?.references).toEqual(first?.references)
  expect(second?.text).toContain('abcd1234')
  for (const one of channels) one.close()
  db.close()
})
