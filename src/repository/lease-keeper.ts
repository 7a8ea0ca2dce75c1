// A lease while it is held: renewed in time, given up before anyone else may take it, and given back at the end.
// Its holder stops trusting it an eighth of a TTL early, counted from before its last successful write was sent.
import { asFailure, Failure } from '../domain/errors.js'
import type { Store } from '../store/port.js'
import type { Clock } from '../sys/clock.js'
import { decodeRecord, describeHold, encodeRecord, type LeaseRecord, renewed } from './lease-record.js'

export interface Lease {
  /** Fires when the lease is no longer ours, with Failure lease-lost as its reason: whatever works under it must stop. */
  readonly lost: AbortSignal
  /** Who held it and seems dead; null when it was free. */
  readonly takenOverFrom: LeaseRecord | null
  /**
   * To be called right before what only the holder may do: a process that was stopped for minutes goes on in the middle of
   * a line, before any timer could tell it that its lease is over.
   * @throws Failure lease-lost.
   */
  confirm(): void
  /**
   * Gives the lease back; nothing to do when it is lost already. Safe to call again.
   * @throws Failure store-* when the store can't be told: the lease then ends by itself, after its TTL.
   */
  release(): Promise<void>
}

export interface Keeping {
  store: Store
  key: string
  clock: Clock
  renewEveryMs: number
  onLost: ((failure: Failure) => void) | undefined
}

interface Sent {
  record: LeaseRecord
  /** Just before it was sent. */
  writtenTicks: number
}

/** A write of ours that the store has accepted. */
interface Written extends Sent {
  etag: string
}

const LOOKS_PER_RENEWAL = 6
/** The wall clock moving against the ticks by this much: the machine slept, or someone set the clock. Look at once. */
const JUMP_MS = 5_000

/** Tokens of leases that this process has stopped working under, though the store could not be told. */
const givenUp = new Set<string>()

/** True for a lease of this very process whose work has ended: it is free, whatever the store still says. */
export const wasGivenUp = (record: LeaseRecord): boolean => givenUp.has(record.token)

/** Starts to renew the lease that `first` took. */
export function keepLease(keeping: Keeping, first: Written, takenOverFrom: LeaseRecord | null): Lease {
  const { clock, renewEveryMs } = keeping
  const lostController = new AbortController()
  const renewals = renewer(keeping, first)
  let ended = false
  let running: Promise<void> | null = null
  let released: Promise<void> | null = null
  let offsetMs = clock.now().getTime() - clock.ticks()

  const lose = (failure: Failure) => {
    if (ended) return
    ended = true
    stop()
    renewals.abort(failure)
    lostController.abort(failure)
    keeping.onLost?.(failure)
  }
  const look = () => {
    if (ended) return
    const jumpedMs = Math.abs(clock.now().getTime() - clock.ticks() - offsetMs)
    if (renewals.expired()) return lose(renewals.expiry())
    if (running || !(renewals.due() || jumpedMs > JUMP_MS)) return
    offsetMs = clock.now().getTime() - clock.ticks()
    running = renewals
      .renew()
      .then(failure => {
        if (failure) lose(failure)
      })
      .finally(() => {
        running = null
      })
  }
  const stop = clock.every(renewEveryMs / LOOKS_PER_RENEWAL, look)
  const giveBack = async () => {
    const tokens = renewals.tokens()
    for (const token of tokens) givenUp.add(token)
    if (ended) return
    ended = true
    stop()
    renewals.abort(new Failure('interrupted', 'the lease is given back'))
    await running
    await renewals.release()
    for (const token of tokens) givenUp.delete(token)
  }
  return {
    lost: lostController.signal,
    takenOverFrom,
    confirm: () => {
      if (!ended && renewals.expired()) lose(renewals.expiry())
      lostController.signal.throwIfAborted()
    },
    release: () => {
      released ??= giveBack()
      return released
    },
  }
}

interface Renewer {
  due(): boolean
  expired(): boolean
  expiry(): Failure
  /** Never rejects: the failure when the lease is another's now, null when it is renewed or may be tried again. */
  renew(): Promise<Failure | null>
  release(): Promise<void>
  /** Of every write of ours that may stand in the store. */
  tokens(): string[]
  abort(reason: Failure): void
}

function renewer({ store, key, clock, renewEveryMs }: Keeping, first: Written): Renewer {
  const { ttlMs } = first.record
  const validMs = ttlMs - ttlMs / 8
  const work = new AbortController()
  /** Writes whose outcome may be unknown, by token, since the last that is known to stand. */
  const sent = new Map<string, Sent>()
  let last = first
  let failed: Failure | null = null

  const write = async (released: boolean, signal?: AbortSignal): Promise<void> => {
    const record = renewed(last.record, clock, released)
    const writtenTicks = clock.ticks()
    sent.set(record.token, { record, writtenTicks })
    const when = { etag: last.etag }
    const { etag } = await store.put(key, encodeRecord(record), { when, ...(signal ? { signal } : {}) })
    stands({ record, etag, writtenTicks })
  }
  const stands = (written: Written): void => {
    last = written
    failed = null
    sent.clear()
  }
  const lookWhoseItIs = async (signal?: AbortSignal): Promise<Failure | null> => {
    const found = await standing({ store, key, sent }, signal)
    if (found instanceof Failure) return found
    stands(found)
    return null
  }
  return {
    due: () => failed !== null || clock.ticks() - last.writtenTicks >= renewEveryMs,
    expired: () => clock.ticks() - last.writtenTicks >= validMs,
    expiry: () => overdue(key, validMs, failed),
    tokens: () => [last.record.token, ...sent.keys()],
    abort: reason => work.abort(reason),
    renew: async () => {
      try {
        await write(false, work.signal)
        return null
      } catch (thrown) {
        failed = asFailure(thrown)
        if (failed.code !== 'store-conflict') return null
        return lookWhoseItIs(work.signal).catch(() => null)
      }
    },
    release: async () => {
      try {
        await write(true)
      } catch (thrown) {
        if (asFailure(thrown).code !== 'store-conflict') throw thrown
        // A renewal that was in flight came first, or it is another's by now and there is nothing to give back.
        if ((await lookWhoseItIs()) === null) await write(true)
      }
    },
  }
}

const overdue = (key: string, validMs: number, cause: Failure | null): Failure =>
  new Failure('lease-lost', `${key} could not be renewed for ${validMs / 1000} s`, {
    cause,
    hint: 'the store did not take it in time, or this machine slept: check the store and the network',
  })

/** After a conflict: one of our own writes may be what stands there. @returns the failure when it is another's, or gone. */
async function standing(
  { store, key, sent }: { store: Store; key: string; sent: ReadonlyMap<string, Sent> },
  signal: AbortSignal | undefined,
): Promise<Written | Failure> {
  const found = await store.get(key, signal ? { signal } : {}).catch(thrown => {
    if (asFailure(thrown).code === 'object-missing') return null
    throw thrown
  })
  if (!found) return new Failure('lease-lost', `${key} was deleted while it was held`)
  const record = decodeRecord(found.body)
  const ours = record && sent.get(record.token)
  return ours
    ? { ...ours, etag: found.etag }
    : new Failure('lease-lost', `${key} is now held by ${describeHold(record)}`)
}
