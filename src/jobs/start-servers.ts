// Starts the servers that a run cut short has left off: at the daemon's start, and after each run of snapshots.
import { asFailure, type Failure } from '../domain/errors.js'
import { errorFacts } from './journal-rows.js'
import type { Parts } from './parts.js'
import type { Runner, RunResult } from './runner.js'
import { serversLeftOff, startIfOwed } from './server-power.js'
import { SNAPSHOTS_LOCK } from './snapshot-servers.js'

/** @returns null when there is nothing to start, or the snapshot run that may start it is still going on. */
export async function startServersLeftOff(parts: Parts, runner: Runner): Promise<RunResult | null> {
  const { hetzner } = parts
  const servers = serversLeftOff(parts)
  const job = { name: 'server-start', trigger: 'catch-up', lock: SNAPSHOTS_LOCK } as const
  if (!hetzner || servers.length === 0 || runner.busy(job)) return null
  return runner.run(job, async context => {
    const failed: Failure[] = []
    for (const server of servers) {
      try {
        await startIfOwed(parts, hetzner, server, context)
      } catch (thrown) {
        if (context.signal.aborted) throw thrown
        const failure = asFailure(thrown)
        failed.push(failure)
        context.emit({
          type: 'snapshot-failed',
          facts: { server: server.name, error: errorFacts(failure) },
        })
      }
    }
    if (failed[0]) throw failed[0]
    return { outcome: 'succeeded', facts: { servers: servers.map(one => one.name) } }
  })
}
