// What the journal hears of every restore, whatever its way: begun from which backup, finished, or failed and of what.
import { asFailure } from '../domain/errors.js'
import type { BackupId } from '../domain/ids.js'
import type { Manifest } from '../domain/manifest.js'
import { errorFacts } from './journal-rows.js'
import type { JobContext, Parts } from './parts.js'

/** Says from which backup it begins; said again of the same one it is told once. */
export type Begin = (manifest: Pick<Manifest, 'backup'>, target?: string) => void

/**
 * Does a restore, and tells the journal of it.
 * @param target what gets the data; `begin` may know it better.
 * @throws what `work` threw, which is told.
 */
export async function tellRestore<T extends { manifest: Manifest }>(
  { clock }: Parts,
  context: Pick<JobContext, 'emit'>,
  target: string,
  work: (begin: Begin) => Promise<T>,
): Promise<T> {
  const startedTicks = clock.ticks()
  const told: { backup: BackupId | null; target: string } = { backup: null, target }
  try {
    const done = await work(({ backup }, known = told.target) => {
      const before = told.backup
      Object.assign(told, { backup, target: known })
      if (backup !== before) context.emit({ type: 'restore-started', facts: { backup, target: known } })
    })
    const { backup } = done.manifest
    const durationMs = Math.round(clock.ticks() - startedTicks)
    context.emit({ type: 'restore-finished', facts: { backup, target: told.target, durationMs } })
    return done
  } catch (thrown) {
    context.emit({ type: 'restore-failed', facts: { ...told, error: errorFacts(asFailure(thrown)) } })
    throw thrown
  }
}
