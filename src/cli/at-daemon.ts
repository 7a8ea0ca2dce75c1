// A job that the running daemon does for us: start it there, watch it, then read what the journal kept of it.
import type { DaemonClient } from '../api/client.js'
import { Failure } from '../domain/errors.js'
import type { StoredEvent } from '../domain/events.js'
import type { RunId } from '../domain/ids.js'
import type { LiveEvent } from '../domain/live-events.js'
import type { Journal } from '../jobs/journal.js'
import { failureOf, type Run } from '../jobs/journal-rows.js'

export interface AtDaemon<T> {
  /** Path and body of what starts it. */
  path: string
  body: object
  heard?(event: StoredEvent | LiveEvent): void
  /** What the work would have given here. */
  result(run: Run, events: readonly StoredEvent[]): T | Promise<T>
}

/** Tens of thousands of tenants in one night stay below. */
const EVENTS_MAX = 200_000

/**
 * @param closeDead closes the run when the daemon died over it.
 * @throws Failure what the run failed of, as if it had been here; interrupted when we stop watching: the run goes on.
 */
export async function runAtDaemon<T>(
  daemon: DaemonClient,
  { path, body, heard = () => {}, result }: AtDaemon<T>,
  { journal, closeDead, signal }: { journal: Journal; closeDead(): Promise<void>; signal: AbortSignal },
): Promise<T> {
  const id = await daemon.start(path, body)
  try {
    await daemon.follow(id, heard, signal)
  } catch (thrown) {
    if (!signal.aborted) throw thrown
    throw new Failure('interrupted', 'no longer watching; the daemon goes on with it', {
      hint: `type \`gmah-backup runs ${id}\` to see how it ends`,
      facts: { run: id },
    })
  }
  const run = await endOf(journal, id, closeDead)
  const events = journal.events({ run: id, limit: EVENTS_MAX })
  const given = await result(run, events)
  if (run.error) throw failureOf(run.error, id)
  return given
}

async function endOf(journal: Journal, id: RunId, closeDead: () => Promise<void>): Promise<Run> {
  if (journal.run(id)?.outcome === 'running') await closeDead()
  const run = journal.run(id)
  if (run && run.outcome !== 'running') return run
  throw new Failure('interrupted', `the daemon stopped telling of the run ${id}`, {
    hint: `type \`gmah-backup runs ${id}\` to see how it ends`,
  })
}
