// A process that puts one message out and sends it, to be killed in the middle: its argument is JSON with folder, channel, letter.
import { join } from 'node:path'
import { ALERT_MIGRATIONS } from '../../src/alert/alert-tables.js'
import { createDelivery } from '../../src/alert/delivery.js'
import type { Letter } from '../../src/alert/letter.js'
import { openChannel } from '../../src/alert/open-channel.js'
import { openOutbox } from '../../src/alert/outbox.js'
import type { ChannelConfig } from '../../src/domain/alerts.js'
import { systemClock } from '../../src/sys/clock.js'
import { openSqlite } from '../../src/sys/sqlite.js'

const asked: { folder: string; channel: ChannelConfig; letter: Letter } = JSON.parse(process.argv[2] ?? '')
const outbox = openOutbox(openSqlite(join(asked.folder, 'alerts.sqlite'), ALERT_MIGRATIONS), systemClock)
outbox.put(asked.channel.name, asked.letter)
const words = { language: 'en', installation: 'test' } as const
await createDelivery({ outbox, clock: systemClock, ...words }).run([
  openChannel(asked.channel, { ...words, timeoutMs: 300_000 }),
])
