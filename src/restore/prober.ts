// How long a database takes no connections, as a client sees it: one knocks until it is let in.
import { connect } from '../postgres/connection.js'
import type { PostgresTarget } from '../postgres/target.js'
import type { Clock } from '../sys/clock.js'

export interface Prober {
  /** Resolves at the first connection that is let in, or after `withinMs`: then `acceptedTicks` is null. */
  accepted(withinMs: number): Promise<{ refusals: number; acceptedTicks: number | null }>
  stop(): void
}

const KNOCK_EVERY_MS = 10

/** Begins to knock at once; start it when the door has just been closed. */
export function startProber(target: PostgresTarget, database: string, clock: Clock): Prober {
  const stopped = new AbortController()
  let refusals = 0
  const knocking = (async (): Promise<number | null> => {
    while (!stopped.signal.aborted) {
      try {
        const session = await connect(target, database, {
          signal: stopped.signal,
          applicationName: 'gmah-prober',
        })
        const ticks = clock.ticks()
        await session.close()
        return ticks
      } catch {
        refusals += 1
        await clock.sleep(KNOCK_EVERY_MS)
      }
    }
    return null
  })()
  return {
    accepted: async withinMs => {
      const late = clock.sleep(withinMs, stopped.signal).then(
        () => null,
        () => null,
      )
      const acceptedTicks = await Promise.race([knocking, late])
      stopped.abort()
      await knocking
      return { refusals, acceptedTicks }
    },
    stop: () => stopped.abort(),
  }
}
