// The weekly job: each server in its turn, one that fails tried again when that may pass; the others go on.
import { asFailure, Failure } from '../domain/errors.js'
import type { Schedule } from '../domain/schedule.js'
import type { Hetzner } from '../hetzner/client.js'
import { errorFacts } from './journal-rows.js'
import type { JobContext, Parts } from './parts.js'
import type { JobEnd } from './runner.js'
import { type SnapshotReport, snapshotServer } from './snapshot-server.js'

export type SnapshotSchedule = Extract<Schedule, { job: 'snapshot-servers' }>

export interface SnapshotsReport {
  made: SnapshotReport[]
  failed: { server: string; failure: Failure }[]
}

/** Those that change snapshots exclude each other, whoever asked. */
export const SNAPSHOTS_LOCK = 'snapshots'

const TRIES = 3
const BETWEEN_TRIES_MS = 5 * 60_000

/** The client, or why there is none. @throws Failure hetzner-off */
export function hetznerOf({ hetzner }: Pick<Parts, 'hetzner'>): Hetzner {
  if (hetzner) return hetzner
  throw new Failure(
    'hetzner-off',
    'server snapshots are off: there is no hetzner.token_file in the configuration',
  )
}

export async function snapshotServers(
  parts: Parts,
  schedule: SnapshotSchedule,
  context: JobContext,
): Promise<SnapshotsReport> {
  const { name, timeZone: zone, servers, keep, minimum, ...settings } = schedule
  const hetzner = hetznerOf(parts)
  const report: SnapshotsReport = { made: [], failed: [] }
  for (const order of servers) {
    const description = `gmah-backup ${name} of ${order.server}`
    const prune = { keep, minimum, schedule: name, zone }
    try {
      const asked = { order, settings, schedule: name, description, prune }
      report.made.push(
        await persistently(parts, context, () => snapshotServer(parts, hetzner, asked, context)),
      )
    } catch (thrown) {
      const failure = asFailure(thrown)
      if (context.signal.aborted) throw thrown
      report.failed.push({ server: order.server, failure })
      context.emit({ type: 'snapshot-failed', facts: { server: order.server, error: errorFacts(failure) } })
    }
  }
  return report
}

/** Another try is safe: what the one before it made is adopted, never made twice. */
async function persistently<T>({ clock }: Parts, { signal }: JobContext, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (thrown) {
      if (tries >= TRIES || signal.aborted || !asFailure(thrown).retryable) throw thrown
      await clock.sleep(BETWEEN_TRIES_MS, signal)
    }
  }
}

/** Partial when a server failed or something is to be read. @throws Failure when no server has a snapshot. */
export function endOfSnapshots({ made, failed }: SnapshotsReport): JobEnd {
  const facts = {
    made: made.map(one => `${one.snapshot.server}:${one.snapshot.image}`),
    removed: made.reduce((sum, one) => sum + one.removed.length, 0),
    failed: failed.length,
  }
  const [first] = failed
  if (first && made.length === 0) {
    if (failed.length === 1) throw first.failure
    throw new Failure('partial', `none of ${failed.length} servers has a new snapshot`, {
      cause: first.failure,
      facts,
    })
  }
  return { outcome: first ? 'partial' : 'succeeded', facts }
}
