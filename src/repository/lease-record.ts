// What stands in a lease object: who holds it since when, for a person and for the next daemon. JSON, readable by anyone.
import { randomBytes } from 'node:crypto'
import type { Clock } from '../sys/clock.js'
import type { ProcessIdentity } from '../sys/process-identity.js'

export interface Holder extends ProcessIdentity {
  /** What it holds the lease for: `daemon`, `backup acme`. */
  purpose: string
}

export interface LeaseRecord {
  version: 1
  /** New with each write, so that no two writes have the same etag and each writer knows its own. */
  token: string
  holder: Holder
  /** ISO 8601, by the holder's clock: for people, never compared with another machine's. */
  acquiredAt: string
  renewedAt: string
  /** Unchanged for this long, the lease has no holder any more. */
  ttlMs: number
  /** Given back: free for anyone. The object stays, because R2 has no conditional delete. */
  released: boolean
}

/** The record of a holder that starts now. */
export function newRecord(holder: Holder, clock: Clock, ttlMs: number): LeaseRecord {
  const now = clock.now().toISOString()
  const token = newToken()
  return { version: 1, token, holder, acquiredAt: now, renewedAt: now, ttlMs, released: false }
}

/** The same hold, written again now. */
export function renewed(record: LeaseRecord, clock: Clock, released: boolean): LeaseRecord {
  return { ...record, token: newToken(), renewedAt: clock.now().toISOString(), released }
}

const newToken = (): string => randomBytes(16).toString('hex')

export const encodeRecord = (record: LeaseRecord): Uint8Array =>
  Buffer.from(`${JSON.stringify(record, null, 2)}\n`)

/** Null for what is not a lease of this version: its holder is unknown, so only the passing of time can end it. */
export function decodeRecord(body: Uint8Array): LeaseRecord | null {
  try {
    const found = JSON.parse(Buffer.from(body).toString('utf8')) as LeaseRecord
    const sound =
      found.version === 1 &&
      typeof found.token === 'string' &&
      typeof found.ttlMs === 'number' &&
      typeof found.released === 'boolean' &&
      typeof found.acquiredAt === 'string' &&
      typeof found.renewedAt === 'string' &&
      typeof found.holder?.host === 'string' &&
      typeof found.holder.pid === 'number' &&
      typeof found.holder.purpose === 'string'
    return sound ? found : null
  } catch {
    return null
  }
}

/** "daemon on web1, process 123, since 2026-11-23T02:00:00.000Z". */
export function describeHold(record: LeaseRecord | null): string {
  if (!record) return 'something that left no readable lease'
  const { purpose, host, pid } = record.holder
  return `${purpose} on ${host}, process ${pid}, since ${record.acquiredAt}`
}
