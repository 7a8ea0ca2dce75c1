// The alerts as a whole: look at the journal and around, move the incidents, put out what is to be told, send it.
// Nobody waits for it and nothing of it can fail a backup: what goes wrong here is told through the other channels, or logged.
import { asFailure, type Failure } from '../domain/errors.js'
import type { SubjectId } from '../domain/subject.js'
import type { Channel } from './channel/channel.js'
import { createDelivery, type Delivery } from './delivery.js'
import { createHeartbeats, type Heartbeats } from './heartbeats.js'
import { type AlertingParts, absorb, failing, knowDisk, knowSchedules, settle, speakerOf } from './look.js'
import type { Memory } from './memory.js'
import type { Trouble } from './rules/signs.js'
import { type Sighting, standing } from './rules/standing-rules.js'
import { type DigestFacts, writeDigest } from './words/digest.js'
import { shout } from './words/shout.js'

export interface Alerting {
  /** Looks and sends at once, tests the channels, then does so again and again. */
  start(): void
  /** One look and one attempt to send, awaited. Never throws. */
  tick(): Promise<void>
  /** Who is on the server, as far as the nights saw: of these a backup that is late is told. */
  present(): SubjectId[]
  /** The configuration was read again: channels are opened anew and tested. */
  reconfigure(): void
  /** The week's message, to whoever hears information about everything. @returns to how many channels it goes. */
  digest(more: Pick<DigestFacts, 'storedBytes' | 'deletions'>): Promise<number>
  /** Tells what is left to tell, as far as it goes in a few seconds. */
  stop(): Promise<void>
}

const TICK_MS = 15_000
const PROBE_MS = 7 * 24 * 3_600_000
const TIDY_EVERY_MS = 24 * 3_600_000
/** One may be a lock that somebody else held for long. */
const FAILURES_BEFORE_SHOUTING = 2
const LAST_WORDS_MS = 5_000
/** Wall clock and ticks part by more: the clock was set. */
const JUMP_MS = 2 * 60_000

export const createAlerting = (parts: AlertingParts): Alerting => new Watch(parts)

class Watch implements Alerting {
  readonly #parts: AlertingParts
  readonly #heartbeats: Heartbeats
  #channels: Channel[]
  #delivery: Delivery
  #memory: Memory
  #cursor: number | null
  #stopTicks: (() => void) | null = null
  #running: Promise<void> | null = null
  #failures = 0
  #tidiedTicks = Number.NEGATIVE_INFINITY
  #stopped = false
  /** Wall clock less ticks: it changes when somebody sets the clock. */
  #offsetMs: number

  constructor(parts: AlertingParts) {
    const { ledger, events, clock, config, openChannel } = parts
    this.#parts = parts
    this.#heartbeats = createHeartbeats(parts)
    this.#channels = config().channels.map(openChannel)
    this.#delivery = newDelivery(parts)
    const { memory, cursor } = ledger.memory()
    this.#memory = memory
    // A journal that was lost and began anew.
    const known = cursor === null || events({ afterSeq: cursor - 1, limit: 1 }).length > 0
    this.#cursor = known ? cursor : 0
    this.#offsetMs = clock.now().getTime() - clock.ticks()
  }

  start(): void {
    void this.#delivery.probe(this.#channels).then(() => this.tick())
    this.#stopTicks ??= this.#parts.clock.every(TICK_MS, () => void this.tick())
  }

  tick(): Promise<void> {
    this.#running ??= this.#lookAndTell().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  present(): SubjectId[] {
    const all = Object.entries(this.#memory.subjects)
    return all.flatMap(([id, { gone }]) => (gone ? [] : [id as SubjectId]))
  }

  reconfigure(): void {
    for (const channel of this.#channels) channel.close()
    this.#channels = this.#parts.config().channels.map(this.#parts.openChannel)
    this.#delivery = newDelivery(this.#parts)
    void this.#delivery.probe(this.#channels).then(() => this.tick())
  }

  async digest(more: Pick<DigestFacts, 'storedBytes' | 'deletions'>): Promise<number> {
    await this.tick()
    const { ledger, outbox, clock, config } = this.#parts
    const [now, { channels, digest: price }] = [clock.now(), config()]
    const known = { memory: this.#memory, seen: await this.#see(), open: ledger.openIncidents() }
    const letter = writeDigest({ ...known, now, price, ...more }, speakerOf(this.#parts))
    const readers = channels.filter(one => one.severity === 'info' && one.tenants === null)
    for (const { name } of readers) outbox.put(name, letter)
    return readers.length
  }

  async stop(): Promise<void> {
    this.#stopTicks?.()
    this.#stopTicks = null
    this.#stopped = true
    const last = (this.#running ?? Promise.resolve()).then(() => this.tick())
    await Promise.race([last, this.#parts.clock.sleep(LAST_WORDS_MS)])
    for (const channel of this.#channels) channel.close()
  }

  async #lookAndTell(): Promise<void> {
    try {
      const beat = await this.#look()
      await probeWeekly(this.#parts, this.#delivery, this.#channels)
      await Promise.all([beat(), this.#delivery.run(this.#channels)])
      // Last: what it cannot tidy on a full disk keeps nothing from being told.
      this.#tidyDaily()
      this.#failures = 0
    } catch (thrown) {
      // The top of the stack: the next tick tries again.
      const failure = asFailure(thrown)
      this.#parts.log.error({ error: failure }, 'the alerts could not be looked at')
      this.#failures += 1
      if (this.#failures === FAILURES_BEFORE_SHOUTING && !this.#stopped) await this.#shout(failure)
    }
  }

  /** Whether there is a digest or not: letters of years would fill the disk. */
  #tidyDaily(): void {
    const { ledger, clock } = this.#parts
    if (clock.ticks() - this.#tidiedTicks < TIDY_EVERY_MS) return
    ledger.tidy(clock.now())
    this.#tidiedTicks = clock.ticks()
  }

  /** What cannot be kept, a full disk for one, is said all the same: once, past the outbox, to whoever can hear it. */
  async #shout(failure: Failure): Promise<void> {
    const letter = shout(failure, this.#parts.clock.now(), speakerOf(this.#parts))
    const open = this.#parts.config().channels.filter(one => one.tenants === null)
    const hearing = this.#channels.filter(channel => open.some(one => one.name === channel.name))
    await Promise.allSettled(hearing.map(channel => channel.send({ letter, number: 0 })))
  }

  async #look(): Promise<() => Promise<void>> {
    const { ledger, clock, config } = this.#parts
    const seen = await this.#see()
    const now = clock.now()
    const read = await absorb(this.#parts, this.#memory, this.#cursor, now)
    const memory = knowDisk(knowSchedules(read.memory, seen, now), seen, now)
    const lasting = [...Object.values(memory.troubles), ...standing(memory, seen, now, config())]
    const happened = [...read.happened, ...this.#clockJump(now)]
    ledger.together(() => {
      settle(this.#parts, memory, { lasting, happened }, now)
      ledger.remember(this.#memory, memory, read.cursor)
    })
    this.#memory = memory
    this.#cursor = read.cursor
    return () => this.#heartbeats.beat(memory, seen, now)
  }

  async #see(): Promise<Sighting> {
    return { ...(await this.#parts.see()), channels: failing(this.#parts) }
  }

  #clockJump(now: Date): Trouble[] {
    const jumpedMs = now.getTime() - this.#parts.clock.ticks() - this.#offsetMs
    this.#offsetMs += jumpedMs
    if (Math.abs(jumpedMs) < JUMP_MS) return []
    const detail = `${jumpedMs > 0 ? '+' : '−'}${Math.round(Math.abs(jumpedMs) / 1000)} s`
    const about = { rule: 'clock-jumped', cause: 'clock-jumped', scope: 'clock' } as const
    return [{ ...about, subject: null, hint: '', run: null, since: now.toISOString(), detail }]
  }
}

function newDelivery(parts: AlertingParts): Delivery {
  const { outbox, clock, random } = parts
  const { language, name } = speakerOf(parts)
  return createDelivery({ outbox, clock, language, installation: name, random })
}

async function probeWeekly(
  { outbox, clock }: AlertingParts,
  delivery: Delivery,
  channels: readonly Channel[],
): Promise<void> {
  const ways = outbox.ways()
  const due = channels.filter(({ name }) => {
    const tested = ways.find(way => way.name === name)?.testedAt
    return tested && Math.abs(clock.now().getTime() - Date.parse(tested)) > PROBE_MS
  })
  if (due.length > 0) await delivery.probe(due)
}
