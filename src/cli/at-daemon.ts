// A job that the running daemon does for us: start it there, watch it, then read what the journal kept of it.
import type { DaemonClient } from '../api/client.js'
import { asFailure, Failure } from '../domain/errors.js'
import type { StoredEvent } from '../domain/events.js'
import type { RunId } from '../domain/ids.js'
import type { LiveEvent } from '../domain/live-events.js'
import { assertCancelled } from '../jobs/cancellation.js'
import type { Journal } from '../jobs/journal.js'
import { failureOf, type Run } from '../jobs/journal-rows.js'
import type { Clock } from '../sys/clock.js'
import { isAlive } from '../sys/process-identity.js'

export interface AtDaemon<T> {
  /** Path and body of what starts it. */
  path: string
  body: object
  heard?(event: StoredEvent | LiveEvent): void
  /** Tells the person who watches. */
  notice?(line: string): void
  /** What the work would have given here. */
  result(run: Run, events: readonly StoredEvent[]): T | Promise<T>
}

/** Tens of thousands of tenants in one night stay below. */
const EVENTS_MAX = 200_000

const POLL_MS = 500

interface Watching {
  journal: Journal
  clock: Clock
  /** Closes the run when the daemon died over it, and puts right what it left half. */
  closeDead(): Promise<void>
  /** Fires when the person wants the run to end. */
  cancel: AbortSignal
  /** Fires when the person stops watching. */
  signal: AbortSignal
  /** Where nobody else tells the person. */
  notice(line: string): void
}

/**
 * @throws Failure what the run failed of, as if it had been here: cancelled when the person ended it; interrupted when we
 * stop watching: the run goes on.
 */
export async function runAtDaemon<T>(
  daemon: DaemonClient,
  { path, body, heard = () => {}, result, notice }: AtDaemon<T>,
  watching: Watching,
): Promise<T> {
  const { journal, signal, cancel } = watching
  cancel.throwIfAborted()
  const id = await daemon.start(path, body, signal).catch(thrown => {
    if (!signal.aborted) throw thrown
    throw new Failure('interrupted', 'no longer waiting for the daemon, which may have begun all the same', {
      hint: 'type `gmah-backup runs` to see whether it did',
    })
  })
  const end = (): void => void askToEnd(daemon, id, { ...watching, ...(notice ? { notice } : {}) })
  if (cancel.aborted) end()
  else cancel.addEventListener('abort', end, { once: true })
  try {
    await daemon.follow(id, heard, signal)
    await untilOver(id, watching)
  } catch (thrown) {
    if (!signal.aborted) throw thrown
    const goesOn = cancel.aborted ? 'the daemon brings it to its end' : 'the daemon goes on with it'
    throw new Failure('interrupted', `no longer watching; ${goesOn}`, {
      hint: `type \`gmah-backup runs ${id}\` to see how it ends`,
      facts: { run: id },
    })
  } finally {
    cancel.removeEventListener('abort', end)
  }
  const run = journal.run(id)
  if (!run) throw new Failure('run-unknown', `there is no run ${id}`)
  const events = journal.events({ run: id, limit: EVENTS_MAX })
  const given = await result(run, events)
  if (run.error) throw failureOf(run.error, id)
  return given
}

/** Tells a run to end, and waits for its end. @throws Failure as the runner's cancel; cancel-too-late. */
export async function cancelAtDaemon(
  daemon: DaemonClient,
  id: RunId,
  reason: string | null,
  watching: Watching,
): Promise<Run> {
  await daemon.start(cancelPath(id), { reason }, watching.cancel)
  await untilOver(id, { ...watching, signal: watching.cancel })
  const run = watching.journal.run(id)
  if (!run) throw new Failure('run-unknown', `there is no run ${id}`)
  assertCancelled(run)
  return run
}

const cancelPath = (id: RunId): string => `/v1/runs/${id}/cancel`

async function askToEnd(daemon: DaemonClient, id: RunId, { signal, notice }: Watching): Promise<void> {
  const said = await daemon.start(cancelPath(id), {}, signal).then(
    () => `run ${id} is being cancelled, and cleared away`,
    thrown => asFailure(thrown).message,
  )
  if (signal.aborted) return
  notice(`${said}; Ctrl-C again stops the watching, \`gmah-backup runs ${id}\` tells of its end`)
}

/** A daemon that is told to stop tells nothing more, and yet brings its runs to their end; one that was killed doesn't. */
async function untilOver(id: RunId, { journal, clock, closeDead, signal }: Watching): Promise<void> {
  for (;;) {
    const run = journal.run(id)
    if (run?.outcome !== 'running') return
    if (isAlive(run.process)) await clock.sleep(POLL_MS, signal)
    else await closeDead()
  }
}
