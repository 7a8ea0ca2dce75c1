// The lease of the whole store: one daemon a store. Another one that lives is refused at once, a dead one's lease is taken over,
// and the journal hears of a lease that was lost before the work under it ends.
import { acquireLease } from '../repository/lease.js'
import { DAEMON_LEASE } from '../store/keys.js'
import { ownIdentity } from '../sys/process-identity.js'
import type { Journal } from './journal.js'
import type { Parts } from './parts.js'

/** Longer than a lease lives: after a reboot our own last life still seems to hold it, and cannot be told from another machine. */
const LEASE_WAIT_MS = 180_000

/**
 * Runs `work` under it, and gives it back afterwards.
 * @param options.signal ends the waiting for another holder; `onLost` is called when the work must stop, with the reason.
 * @throws Failure store-leased when another daemon works on the store, store-* when it cannot be reached.
 */
export async function underStoreLease(
  { repository, clock }: Pick<Parts, 'repository' | 'clock'>,
  journal: Journal,
  { signal, onLost }: { signal: AbortSignal; onLost(why: string): void },
  work: () => Promise<void>,
): Promise<void> {
  const { host, pid } = ownIdentity()
  const holder = `${host} process ${pid}`
  const about = { run: null, subject: null }
  const lease = await acquireLease(
    repository.store,
    DAEMON_LEASE,
    { ...ownIdentity(), purpose: 'daemon' },
    {
      ...{ clock, signal, waitMs: LEASE_WAIT_MS, refuseAlive: true },
      onLost: ({ message: why }) => {
        try {
          journal.event({ type: 'lease-lost', ...about, facts: { holder, why } })
        } catch {
          // A full disk must not keep the work going under a lease that is another's; whoever is told below says it too.
        }
        onLost(why)
      },
    },
  )
  try {
    const from = lease.takenOverFrom?.holder.host
    if (from === undefined) journal.event({ type: 'lease-acquired', ...about, facts: { holder } })
    else journal.event({ type: 'lease-taken-over', ...about, facts: { holder, from } })
    await work()
  } finally {
    await lease.release()
  }
}
