// The port to whoever carries a message, and the three ways it can fail to.
import type { Letter } from '../letter.js'

export interface Parcel {
  letter: Letter
  /** The message's number in the outbox: the same after a crash, so that a duplicate can be known. */
  number: number
}

export interface Channel {
  name: string
  /** Hands the message over; returns when it was taken. @throws Undelivered. */
  send(parcel: Parcel): Promise<void>
  /** Looks whether a message could be handed over, without sending one. @throws Undelivered. */
  probe(): Promise<void>
  close(): void
}

export type Blame =
  /** It may pass: the network, a busy server, grey listing. */
  | 'transient'
  /** It stays until a person repairs it: a wrong password, a bad certificate, a webhook that is gone. */
  | 'channel'
  /** This message alone was refused, for good. */
  | 'message'

export class Undelivered extends Error {
  override readonly name = 'Undelivered'
  readonly blame: Blame
  readonly hint: string
  /** Not before this many milliseconds, when the other side said so. */
  readonly waitMs: number | null

  constructor(
    blame: Blame,
    message: string,
    options: { hint: string; waitMs?: number | null; cause?: unknown },
  ) {
    super(message, { cause: options.cause })
    this.blame = blame
    this.hint = options.hint
    this.waitMs = options.waitMs ?? null
  }
}
