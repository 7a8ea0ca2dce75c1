// A removal that a bucket lock may refuse: what is said of it stays, and the next sweep tries again.
import { asFailure } from '../domain/errors.js'
import type { Store } from '../store/port.js'

/** @returns false when a lock holds it. @throws Failure store-* otherwise. */
export async function deleteUnlessLocked(
  store: Store,
  key: string,
  options: { signal?: AbortSignal | undefined },
): Promise<boolean> {
  try {
    await store.delete(key, options.signal ? { signal: options.signal } : {})
    return true
  } catch (thrown) {
    if (asFailure(thrown).code !== 'store-locked') throw thrown
    return false
  }
}
