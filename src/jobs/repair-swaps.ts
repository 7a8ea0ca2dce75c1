// Swaps whose process died in the middle, put right: the tenant is reachable under its name, and PgBouncer lets its clients go.
import type { Failure } from '../domain/errors.js'
import type { StoredEvent } from '../domain/events.js'
import type { RunId } from '../domain/ids.js'
import type { SwapFacts } from '../domain/restore-events.js'
import { withSession } from '../postgres/connection.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { resumePooler } from '../restore/pooler.js'
import { settleSwap } from '../restore/settle.js'
import type { Journal } from './journal.js'
import type { Parts } from './parts.js'

export interface RepairedSwap extends SwapFacts {
  run: RunId
  outcome: 'swapped' | 'as-before'
}

export interface Repairs {
  repaired: RepairedSwap[]
  /** PgBouncer did not do as told: what it still holds is tried again at the next start or command. */
  problems: Failure[]
}

/**
 * Only runs that are over are looked at; another one's swap is its own affair.
 * @throws Failure postgres-* when the server cannot be reached: the next start or command tries again.
 */
export async function repairSwaps(parts: Parts, journal: Journal): Promise<Repairs> {
  const open = openSwaps(journal).filter(({ run }) => isOver(journal, run))
  if (open.length === 0) return { repaired: [], problems: [] }
  const { postgres } = parts.config
  return withSession(postgres, maintenanceDatabase(postgres), {}, async session => {
    const repaired: RepairedSwap[] = []
    const problems: Failure[] = []
    for (const { run, subject, names } of open) {
      const outcome = await settleSwap(session, names)
      const deaf = postgres.pgbouncer && (await resumePooler(postgres.pgbouncer, names.live, parts.clock))
      // It may still hold the tenant's clients: this swap stays one to be put right.
      if (deaf) {
        problems.push(deaf)
        continue
      }
      journal.event({ type: 'swap-repaired', run, subject, facts: { ...names, outcome } })
      repaired.push({ ...names, run, outcome })
    }
    return { repaired, problems }
  })
}

interface OpenSwap {
  run: RunId
  subject: StoredEvent['subject']
  names: SwapFacts
}

/** Swaps of which a step was begun and no end is known. */
function openSwaps(journal: Journal): OpenSwap[] {
  const open = new Map<RunId, OpenSwap>()
  for (const event of journal.swapEvents()) {
    if (event.run === null) continue
    if (event.type !== 'swap-step') open.delete(event.run)
    else {
      const { live, incoming, kept } = event.facts
      open.set(event.run, { run: event.run, subject: event.subject, names: { live, incoming, kept } })
    }
  }
  return [...open.values()]
}

const isOver = (journal: Journal, run: RunId): boolean =>
  (journal.run(run)?.outcome ?? 'running') !== 'running'
