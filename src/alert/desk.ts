// What an operator can do with the alerts: see them, quiet them, and try the channels. The daemon finds it in the same file.
import { randomBytes } from 'node:crypto'
import type { AlertDesk, AlertsConfig, ChannelConfig, ChannelReport, Incident } from '../domain/alerts.js'
import { Failure } from '../domain/errors.js'
import type { Clock } from '../sys/clock.js'
import type { Channel } from './channel/channel.js'
import { createDelivery } from './delivery.js'
import type { Ledger } from './ledger.js'
import type { Letter } from './letter.js'
import type { Outbox } from './outbox.js'
import { isRule, RULES } from './rules/rule-table.js'
import { titleOf, WORDS } from './words/write-letter.js'

export interface AlertDeskParts {
  ledger: Ledger
  outbox: Outbox
  config: AlertsConfig
  /** What the installation is called. */
  name: string
  clock: Clock
  openChannel(config: ChannelConfig): Channel | Promise<Channel>
}

const CLOSED_SHOWN = 50

export function openAlertDesk(parts: AlertDeskParts): AlertDesk {
  const { ledger, config, clock } = parts
  return {
    list: ({ closed }) => {
      const incidents = [...ledger.openIncidents(), ...(closed ? ledger.closedIncidents(CLOSED_SHOWN) : [])]
      const titled = incidents.map(one => ({ ...one, title: titleOf(one, config.language) }))
      return { incidents: titled, mutes: ledger.mutes() }
    },
    ack: (idBeginning, by) =>
      ledger.together(() => {
        const incident = find(ledger, idBeginning)
        const acked: Incident = { ...incident, acked: { by, at: clock.now().toISOString() } }
        ledger.saveIncident(acked)
        return acked
      }),
    mute: (target, { until, why, by }) => {
      const what = isRule(target) ? target : muted(ledger, target)
      const mute = { id: randomBytes(4).toString('hex'), target: what, until: until.toISOString(), why, by }
      ledger.saveMute(mute)
      return mute
    },
    test: channel => testChannels(parts, channel),
  }
}

function muted(ledger: Ledger, target: string): string {
  if (/^[0-9a-f]{1,8}$/.test(target)) return find(ledger, target).id
  throw new Failure('incident-unknown', `${target} is neither an incident nor a rule`, {
    hint: `give an id that \`gmah-backup alert list\` shows, or one of ${Object.keys(RULES).join(', ')}`,
  })
}

function find(ledger: Ledger, idBeginning: string): Incident {
  const fits = ledger.openIncidents().filter(one => one.id.startsWith(idBeginning))
  const [incident] = fits
  if (!incident) throw new Failure('incident-unknown', `there is no open incident ${idBeginning}`)
  if (fits.length === 1) return incident
  throw new Failure('usage', `${idBeginning} is the beginning of ${fits.length} incidents`, {
    hint: 'type more of the id',
  })
}

async function testChannels(parts: AlertDeskParts, asked: string | undefined): Promise<ChannelReport[]> {
  const { config, outbox, clock, name } = parts
  const chosen = config.channels.filter(one => asked === undefined || one.name === asked)
  if (chosen.length === 0) {
    const known = config.channels.map(one => one.name).join(', ')
    throw new Failure('usage', asked ? `there is no channel ${asked}` : 'there are no channels to test', {
      hint: known ? `known: ${known}` : 'add one to `alerts.channels`, see gmah-backup.example.yaml',
    })
  }
  const delivery = createDelivery({ outbox, clock, language: config.language, installation: name })
  return Promise.all(
    chosen.map(async one => {
      const channel = await parts.openChannel(one)
      try {
        const id = outbox.put(one.name, testLetter(config, name, clock.now()))
        const problem = await delivery.now(channel, [id])
        // A test that comes an hour later would test nobody's patience but the reader's.
        if (problem) outbox.refused({ id }, problem.message)
        return {
          channel: one.name,
          sent: problem === null,
          problem: problem?.message ?? null,
          hint: problem?.hint ?? null,
        }
      } finally {
        channel.close()
      }
    }),
  )
}

function testLetter(config: AlertsConfig, name: string, now: Date): Letter {
  const { test } = WORDS[config.language]
  return {
    ...{ incident: null, kind: 'test', severity: 'info', lines: [], more: '', next: [], link: null },
    title: `[${name}] ${test.title}`,
    thread: test.title,
    facts: [['UTC', now.toISOString().slice(0, 19).replace('T', ' ')]],
    meaning: test.meaning,
    footer: test.footer(name),
  }
}
