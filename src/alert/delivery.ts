// Empties the outbox: each channel by itself and in order, with pauses that grow while it fails, and one message in place of
// many when it comes back.
import type { Language } from '../domain/alerts.js'
import { redactText } from '../domain/redact.js'
import type { Clock } from '../sys/clock.js'
import { type Channel, Undelivered } from './channel/channel.js'
import type { Letter } from './letter.js'
import type { Outbox, Outgoing } from './outbox.js'
import { bundle } from './words/bundle.js'

export interface DeliveryParts {
  outbox: Outbox
  clock: Clock
  language: Language
  installation: string
  /** A number in [0, 1), for the jitter. */
  random?: (() => number) | undefined
}

export interface Delivery {
  /** Sends what is due to every channel; resolves when each is through or has failed. Never throws. */
  run(channels: readonly Channel[]): Promise<void>
  /** Sends these messages now, whatever pause the channel is in. @returns the problem, null when it was taken. */
  now(channel: Channel, ids: readonly number[]): Promise<Undelivered | null>
  /** Looks whether each channel could be used, and notes it. Never throws. */
  probe(channels: readonly Channel[]): Promise<void>
}

const FIRST_PAUSE_MS = 15_000
const LONGEST_PAUSE_MS = 15 * 60_000
/** More than this after a failure become one message. */
const MANY = 3
const BUNDLED = 100

export const createDelivery = (parts: DeliveryParts): Delivery => new Courier(parts)

class Courier implements Delivery {
  readonly #parts: DeliveryParts
  readonly #pauses = new Map<string, { untilTicks: number; failures: number }>()

  constructor(parts: DeliveryParts) {
    this.#parts = parts
  }

  async run(channels: readonly Channel[]): Promise<void> {
    await Promise.all(channels.map(channel => this.#empty(channel)))
  }

  async now(channel: Channel, ids: readonly number[]): Promise<Undelivered | null> {
    let problem: Undelivered | null = null
    for (const message of this.#parts.outbox.claim(channel.name, { limit: ids.length, ids })) {
      problem = (await this.#send(channel, message.letter, [message])) ?? problem
    }
    return problem
  }

  async probe(channels: readonly Channel[]): Promise<void> {
    await Promise.all(
      channels.map(async channel => {
        try {
          await channel.probe()
          this.#well(channel.name)
        } catch (thrown) {
          this.#failed(channel.name, asUndelivered(thrown))
        }
        this.#parts.outbox.tested(channel.name)
      }),
    )
  }

  async #empty(channel: Channel): Promise<void> {
    const { outbox, clock, language, installation } = this.#parts
    const { name } = channel
    while ((this.#pauses.get(name)?.untilTicks ?? 0) <= clock.ticks()) {
      const wasFailing = outbox.ways().some(way => way.name === name && way.failingSince !== null)
      const many = wasFailing && outbox.pending(name) > MANY
      const messages = outbox.claim(name, { limit: many ? BUNDLED : 1 }).sort((a, b) => a.id - b.id)
      const [first] = messages
      if (!first) return
      const letter = messages.length > 1 ? bundle(messages, language, installation) : first.letter
      await this.#send(channel, letter, messages)
    }
  }

  /** @returns what went wrong, null when it was taken. */
  async #send(channel: Channel, letter: Letter, messages: readonly Outgoing[]): Promise<Undelivered | null> {
    const { outbox } = this.#parts
    try {
      await channel.send({ letter, number: messages[0]?.id ?? 0 })
    } catch (thrown) {
      const problem = asUndelivered(thrown)
      for (const one of messages) {
        if (problem.blame === 'message') outbox.refused(one, problem.message)
        else outbox.keep(one, problem.message)
      }
      this.#failed(channel.name, problem)
      return problem
    }
    for (const one of messages) outbox.sent(one)
    this.#well(channel.name)
    return null
  }

  #failed(name: string, problem: Undelivered): void {
    const { outbox, clock, random = Math.random } = this.#parts
    const lasting = problem.blame !== 'transient'
    outbox.note(name, { problem: problem.message, hint: problem.hint, lasting })
    if (problem.blame === 'message') return
    const failures = (this.#pauses.get(name)?.failures ?? 0) + 1
    this.#pauses.set(name, { untilTicks: clock.ticks() + pauseMs(problem, failures, random), failures })
  }

  #well(name: string): void {
    this.#pauses.delete(name)
    this.#parts.outbox.note(name, null)
  }
}

/** Doubles up to a quarter of an hour, half of it at random; what only a person can repair is not asked more often. */
function pauseMs({ blame, waitMs }: Undelivered, failures: number, random: () => number): number {
  if (waitMs !== null) return waitMs
  if (blame === 'channel') return LONGEST_PAUSE_MS
  const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1))
  return full / 2 + (random() * full) / 2
}

function asUndelivered(thrown: unknown): Undelivered {
  if (thrown instanceof Undelivered) return thrown
  const said = redactText(thrown instanceof Error ? thrown.message : String(thrown))
  return new Undelivered('transient', said, { hint: 'this is a bug: report what it says', cause: thrown })
}
