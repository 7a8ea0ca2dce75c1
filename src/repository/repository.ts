// What every operation on the repository needs: the store, the keys at hand, the sealing threads.
import type { CutterParameters } from '../seal/cutter.js'
import type { SealPool } from '../seal/pool.js'
import type { Store } from '../store/port.js'
import type { Clock } from '../sys/clock.js'

/** The operator's age keys. Identities open; recipients are all who may open what is wrapped from now on. */
export interface Keyring {
  /** AGE-SECRET-KEY-1… strings: the operational identity, or a recovery identity in a disaster. */
  identities: readonly string[]
  /** age1… strings: the operational recipient and the offline recovery recipients. */
  recipients: readonly string[]
}

export interface Repository {
  store: Store
  keyring: Keyring
  seals: SealPool
  clock: Clock
  cutter: CutterParameters
  /** zstd level of chunks. */
  compressionLevel: number
  /** Objects moved at once for one stream. */
  transfers: number
}
