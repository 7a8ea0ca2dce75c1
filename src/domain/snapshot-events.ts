// What the journal keeps of the provider's snapshots of servers; part of the one vocabulary in events.ts.
import type { ErrorFacts } from './error-facts.js'

/** A snapshot that is whole, with its sheet in the store. */
export interface SnapshotFacts {
  server: string
  serverId: number
  /** The provider's id. */
  image: number
  label: string
  schedule: string
  /** ISO 8601. */
  created: string
  /** What is billed, and the disk that it needs. */
  sizeGb: number
  diskGb: number
  /** Of this one, net; null when the price could not be asked. */
  costPerMonth: number | null
  currency: string | null
  durationMs: number
  /** Made by a run that died, or whose answer was lost. */
  adopted: boolean
  /** Its key in the store. */
  sheet: string
}

/** Type of event → its facts. */
export interface SnapshotEventFacts {
  /** Said before the request that makes one: after a crash it tells which label to look for. */
  'snapshot-requested': { server: string; serverId: number; schedule: string; label: string }
  'snapshot-made': SnapshotFacts
  /** Said before it is asked to shut down: until its start is noted, somebody has to start it again. */
  'server-shutdown': { server: string; serverId: number }
  'server-started': { server: string; serverId: number; offMs: number }
  'snapshot-failed': { server: string; error: ErrorFacts }
  /** Nothing of it was found at the provider: that request made none. */
  'snapshot-abandoned': { server: string; serverId: number; label: string }
  'snapshot-removed': { server: string; image: number; reasons: string[] }
  'snapshot-warning': { server: string; message: string }
}
