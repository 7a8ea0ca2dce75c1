// One look: what the journal gained, what became of the incidents, and what is put out to be told.
import { randomBytes } from 'node:crypto'
import type { AlertsConfig, ChannelConfig, Incident } from '../domain/alerts.js'
import { SEVERITIES } from '../domain/alerts.js'
import type { StoredEvent } from '../domain/events.js'
import type { Clock } from '../sys/clock.js'
import type { Logger } from '../sys/log.js'
import type { Channel } from './channel/channel.js'
import { reconcile } from './incidents.js'
import type { Ledger } from './ledger.js'
import type { Memory } from './memory.js'
import type { Outbox } from './outbox.js'
import { remember } from './remember.js'
import type { Trouble } from './rules/signs.js'
import type { Sighting } from './rules/standing-rules.js'
import { type NoticeKind, tell } from './telling.js'
import { heardBy, type Speaker, writeLetter } from './words/write-letter.js'

export interface AlertingParts {
  ledger: Ledger
  outbox: Outbox
  /** Oldest first, those after a sequence number. */
  events(filter: { afterSeq: number; limit: number }): StoredEvent[]
  /** What is seen around; how the channels fare is added here. */
  see(): Promise<Omit<Sighting, 'channels'>>
  config(): AlertsConfig
  /** The machine's name, for an installation that has none. */
  host: string
  openChannel(config: ChannelConfig): Channel
  clock: Clock
  log: Logger
  /** A number in [0, 1), for the jitter of the pauses of a channel that fails. */
  random?: (() => number) | undefined
}

const PAGE = 250
/** The event loop is held no longer. */
const STEP_MS = 10
/** Things that happened longer ago are no news when the alerts first see them. */
const NEWS_MS = 24 * 3_600_000
/** A channel that fails for a passing reason is told of after this long. */
const CHANNEL_PATIENCE_MS = 15 * 60_000

export const speakerOf = ({ config, host }: Pick<AlertingParts, 'config' | 'host'>): Speaker => {
  const { language, runLink, name } = config()
  return { language, runLink, name: name ?? host }
}

/**
 * Everything the journal gained. What happened long before the alerts were there is remembered, not told. It may be years of it,
 * when their own file was lost: whoever else waits gets turns meanwhile.
 */
export async function absorb(
  { events, clock }: Pick<AlertingParts, 'events' | 'clock'>,
  memory: Memory,
  cursor: number | null,
  now: Date,
) {
  const happened: Trouble[] = []
  let [after, afterSeq] = [memory, cursor ?? 0]
  let begun = clock.ticks()
  for (;;) {
    const page = events({ afterSeq, limit: PAGE })
    for (const event of page) {
      const said = remember(after, event)
      after = said.memory
      const isNews = cursor !== null || now.getTime() - Date.parse(event.at) < NEWS_MS
      if (isNews) happened.push(...said.happened)
      afterSeq = event.seq
      if (clock.ticks() - begun < STEP_MS) continue
      await clock.sleep(0)
      begun = clock.ticks()
    }
    if (page.length < PAGE) return { memory: after, cursor: afterSeq, happened }
  }
}

/** Moves the incidents, and puts what is told of them into the outbox. Inside the ledger's transaction. */
export function settle(
  parts: AlertingParts,
  memory: Memory,
  troubles: { lasting: readonly Trouble[]; happened: readonly Trouble[] },
  now: Date,
): void {
  const { ledger } = parts
  const moment = {
    now,
    config: parts.config(),
    mutes: ledger.mutes(),
    running: (run: string) => run in memory.runs,
  }
  const newId = () => randomBytes(4).toString('hex')
  const { incidents, changed } = reconcile(ledger.openIncidents(), now, troubles, newId)
  for (const before of incidents) {
    const { incident, notice } = tell(before, moment)
    if (notice) post(parts, incident, notice)
    if (changed.has(incident.id) || incident !== before) ledger.saveIncident(incident)
  }
}

/** One letter to each channel that hears of it; a failing channel is not told of itself. */
function post(parts: AlertingParts, incident: Incident, kind: NoticeKind): void {
  const { channels, reminderMs } = parts.config()
  const remindMs = incident.severity === 'info' ? 0 : reminderMs[incident.severity]
  for (const channel of channels) {
    const heard = heardBy(channel, incident)
    const loud = SEVERITIES.indexOf(incident.severity) >= SEVERITIES.indexOf(channel.severity)
    const itself = incident.rule === 'channel-failing' && incident.cause === channel.name
    if (!heard || !loud || itself) continue
    parts.outbox.put(channel.name, writeLetter(heard, kind, speakerOf(parts)), { remindMs })
  }
}

export function failing({ outbox, clock, config }: AlertingParts): Sighting['channels'] {
  const { channels, heartbeats } = config()
  const kinds = new Map([
    ...channels.map(({ name }) => [name, 'channel'] as const),
    ...heartbeats.map(({ name }) => [name, 'heartbeat'] as const),
  ])
  return outbox.ways().flatMap(({ name, failingSince, lasting, problem, hint }) => {
    const kind = kinds.get(name)
    if (failingSince === null || !kind) return []
    const since = new Date(failingSince)
    const patient = lasting === 0 && clock.now().getTime() - since.getTime() < CHANNEL_PATIENCE_MS
    return patient ? [] : [{ name, kind, since, problem, hint }]
  })
}

/** As many days as a projection looks back. */
const DISK_DAYS = 15

/** Notes how much space the disk has. Days that are over stay as they are. */
export function knowDisk(memory: Memory, { disk }: Sighting, now: Date): Memory {
  if (!disk) return memory
  const today = now.toISOString().slice(0, 'yyyy-mm-dd'.length)
  const least = Math.min(memory.disk[today] ?? disk.freeBytes, disk.freeBytes)
  if (memory.disk[today] === least) return memory
  const days = Object.entries({ ...memory.disk, [today]: least }).sort(([a], [b]) => (a < b ? -1 : 1))
  return { ...memory, disk: Object.fromEntries(days.slice(-DISK_DAYS)) }
}

export function knowSchedules(memory: Memory, { schedules }: Sighting, now: Date): Memory {
  const fresh = schedules.filter(({ schedule }) => memory.schedules[schedule.name] === undefined)
  if (fresh.length === 0) return memory
  const more = fresh.map(({ schedule }) => [schedule.name, now.toISOString()])
  return { ...memory, schedules: { ...memory.schedules, ...Object.fromEntries(more) } }
}
