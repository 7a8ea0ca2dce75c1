// Deletes probes whose process died between their put and their delete: nobody else will.

import { isProbeKey, PROBE_PREFIXES } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { deleteUnlessLocked } from './delete-unless-locked.js'

/** A probe lives for a few requests; no request is tried again for this long. */
const LEFTOVER_AFTER_MS = 3_600_000

/**
 * Ages are by the store's clock: the newest object listed tells what time it is there at least. A sweep has just written its
 * leases, so its own listing tells the time to the minute.
 * @returns the keys that went. @throws Failure store-*.
 */
export async function sweepProbes(store: Store, options: { signal: AbortSignal }): Promise<string[]> {
  const probes: { key: string; modifiedMs: number }[] = []
  let nowMs = 0
  for (const prefix of PROBE_PREFIXES) {
    for await (const { key, modifiedAt } of store.list(prefix, options)) {
      nowMs = Math.max(nowMs, modifiedAt.getTime())
      if (isProbeKey(key)) probes.push({ key, modifiedMs: modifiedAt.getTime() })
    }
  }
  const left = probes.filter(({ modifiedMs }) => nowMs - modifiedMs > LEFTOVER_AFTER_MS).map(({ key }) => key)
  const gone: string[] = []
  for (const key of left) if (await deleteUnlessLocked(store, key, options)) gone.push(key)
  return gone
}
