// A lease: the right to work on a store (or on one subject in it), held by at most one process anywhere.
// It is one object, written only under conditions, so the store itself decides every race; no clock is compared with another's.
import { randomBytes } from 'node:crypto'
import { asFailure, Failure } from '../domain/errors.js'
import { leaseProbeKey } from '../store/keys.js'
import type { Store } from '../store/port.js'
import type { Clock } from '../sys/clock.js'
import { interruption } from '../sys/interruption.js'
import { vitality } from '../sys/process-identity.js'
import { keepLease, type Lease, wasGivenUp } from './lease-keeper.js'
import {
  decodeRecord,
  describeHold,
  encodeRecord,
  type Holder,
  type LeaseRecord,
  newRecord,
} from './lease-record.js'

export interface LeaseOptions {
  clock: Clock
  /** Unrenewed for this long, the lease is over for its holder, and soon after for everyone. Default two minutes. */
  ttlMs?: number
  /** Default thirty seconds. R2 takes one write a second to one key. */
  renewEveryMs?: number
  /** How long to wait for another holder to let go or to prove dead; 0 (the default) refuses at once. Give more than the TTL. */
  waitMs?: number
  /** Stop waiting as soon as the holder shows that it lives: by renewing, or as a process of this machine. */
  refuseAlive?: boolean
  /** What the refusal is called. */
  busy?: 'store-leased' | 'subject-busy'
  signal?: AbortSignal
  /** Called once if the lease is lost while held. */
  onLost?: (failure: Failure) => void
}

const TTL_MS = 120_000
const RENEW_EVERY_MS = 30_000
/** While waiting for another holder, the lease is read this often in a TTL. */
const LOOKS_PER_TTL = 24
/** So many TTLs old by the store's own clock, a lease has no holder, wherever that was. */
const STALE_TTLS = 10

/** A race is lost to someone who then holds the lease; so many in a row mean that the store's conditions don't work. */
const RACES_MAX = 50

interface Contender {
  store: Store
  key: string
  holder: Holder
  ttlMs: number
  options: LeaseOptions
}

/** Since when we have seen it unchanged. */
interface Seen {
  etag: string
  sinceTicks: number
}

interface Found {
  etag: string
  /** Null when it can't be read as a lease. */
  record: LeaseRecord | null
}

/**
 * Takes the lease at `key` when nobody holds it. Another's is taken over when it was released, when its process is dead on
 * this very machine, when it is ten TTLs old by the store's clock, or when it stayed unchanged for a TTL while we waited.
 * @throws Failure store-leased or subject-busy naming the holder; store-* when the store can't be used.
 */
export async function acquireLease(
  store: Store,
  key: string,
  holder: Holder,
  options: LeaseOptions,
): Promise<Lease> {
  const { clock, ttlMs = TTL_MS, waitMs = 0 } = options
  const contender = { store, key, holder, ttlMs, options }
  const startedTicks = clock.ticks()
  let seen: Seen | null = null as Seen | null
  for (let racesLost = 0; ; ) {
    const found = await read(contender)
    const renewedMeanwhile = seen !== null && found !== null && seen.etag !== found.etag
    if (!found) seen = null
    else if (seen?.etag !== found.etag) seen = { etag: found.etag, sinceTicks: clock.ticks() }
    const unchangedMs = seen ? clock.ticks() - seen.sinceTicks : 0
    if (!found || (await isFree(contender, found, unchangedMs))) {
      const lease = await tryTake(contender, found)
      if (lease) return lease
      if (++racesLost < RACES_MAX) continue
      throw new Failure('store-conflict', `${key} changes faster than it can be taken`)
    }
    const leftMs = waitMs - (clock.ticks() - startedTicks)
    const alive = options.refuseAlive === true && (renewedMeanwhile || livesHere(found))
    if (leftMs <= 0 || alive) throw refusal(contender, found)
    await pause(contender, Math.min(leftMs, ttlMs / LOOKS_PER_TTL))
  }
}

const livesHere = ({ record }: Found): boolean => record !== null && vitality(record.holder) === 'alive'

async function read({ store, key, options }: Contender): Promise<Found | null> {
  try {
    const { body, etag } = await store.get(key, signalOf(options))
    return { etag, record: decodeRecord(body) }
  } catch (thrown) {
    if (asFailure(thrown).code === 'object-missing') return null
    throw thrown
  }
}

async function isFree(contender: Contender, found: Found, unchangedMs: number): Promise<boolean> {
  if (found.record && (found.record.released || wasGivenUp(found.record))) return true
  const ttlMs = Math.max(contender.ttlMs, found.record?.ttlMs ?? 0)
  // Its holder counts from before its last write, and gives up before a TTL has passed; we count from after reading that write.
  if (unchangedMs >= ttlMs) return true
  const state = found.record ? vitality(found.record.holder) : 'unknown'
  if (state !== 'unknown') return state === 'dead'
  return isStale(contender, STALE_TTLS * ttlMs)
}

/**
 * Both instants are the store's, so nobody's clock being wrong can make a lease stale. Our own only decides
 * whether it is worth the writing of a probe to ask.
 */
async function isStale({ store, key, options }: Contender, staleMs: number): Promise<boolean> {
  const how = signalOf(options)
  const lease = await store.head(key, how)
  if (!lease) return false
  if (options.clock.now().getTime() - lease.modifiedAt.getTime() <= staleMs) return false
  const probe = leaseProbeKey(key, randomBytes(6).toString('hex'))
  await store.put(probe, Buffer.from('what time is it?\n'), how)
  const written = await store.head(probe, how)
  await store.delete(probe, how)
  return written !== null && written.modifiedAt.getTime() - lease.modifiedAt.getTime() > staleMs
}

/** Null when another contender was faster. */
async function tryTake(contender: Contender, found: Found | null): Promise<Lease | null> {
  const { store, key, holder, ttlMs, options } = contender
  const writtenTicks = options.clock.ticks()
  const record = newRecord(holder, options.clock, ttlMs)
  try {
    const when = found ? { etag: found.etag } : ('absent' as const)
    const { etag } = await store.put(key, encodeRecord(record), { ...signalOf(options), when })
    return keepLease(
      {
        store,
        key,
        clock: options.clock,
        renewEveryMs: options.renewEveryMs ?? RENEW_EVERY_MS,
        onLost: options.onLost,
      },
      { record, etag, writtenTicks },
      found?.record && !found.record.released ? found.record : null,
    )
  } catch (thrown) {
    if (asFailure(thrown).code === 'store-conflict') return null
    throw thrown
  }
}

function refusal({ key, options }: Contender, { record }: Found): Failure {
  const facts = record
    ? { key, holder: record.holder, acquiredAt: record.acquiredAt, renewedAt: record.renewedAt }
    : { key }
  return new Failure(options.busy ?? 'store-leased', `${key} is held by ${describeHold(record)}`, { facts })
}

async function pause({ options }: Contender, ms: number): Promise<void> {
  try {
    await options.clock.sleep(ms, options.signal)
  } catch (thrown) {
    throw options.signal?.aborted ? interruption(options.signal) : thrown
  }
}

const signalOf = ({ signal }: LeaseOptions): { signal?: AbortSignal } => (signal ? { signal } : {})
