// From configuration to a store ready for use: the driver, and around it what every caller wants.
// Inside out: driver, meter (sees each attempt), bandwidth cap (each attempt pays), retries, prefix.
import type { StoreConfig } from '../domain/configuration.js'
import type { Clock } from '../sys/clock.js'
import type { Retried } from '../sys/retry.js'
import { createThrottle, type Throttle } from '../sys/throttle.js'
import { directoryStore } from './directory.js'
import { metered, type OnOperation } from './metered.js'
import { type Patience, patientRetry } from './patient.js'
import type { Store } from './port.js'
import { prefixed } from './prefixed.js'
import { readOnly } from './read-only.js'
import { retrying } from './retrying.js'
import { s3Store } from './s3.js'
import { loadSdk, type S3Timeouts } from './s3-client.js'
import { throttled } from './throttled.js'

export interface OpenOptions {
  clock: Clock
  /** Called after each attempt of each operation. */
  onOperation?: OnOperation
  onRetry?: (retried: Retried) => void
  /** Called with the time by the store's clock at each answer; a directory has none. */
  onServerTime?: (at: Date) => void
  /** How long one operation may go on trying; default two minutes. */
  retryBudgetMs?: number
  /** Somebody waits at a terminal. */
  patience?: Patience
  timeouts?: Partial<S3Timeouts>
  /** A cap shared with other stores, instead of one of this store's own. */
  throttle?: Throttle
  readOnly?: boolean
  /** Objects that someone else named are read too. */
  anyKeys?: boolean
}

/** Loads the packages of these stores, which otherwise wait for a store's first operation. */
export async function loadDrivers(configs: readonly StoreConfig[]): Promise<void> {
  if (configs.some(one => one.type === 's3')) await loadSdk()
}

/** Opens the store. Nothing is touched or sent before its first operation, so this neither waits nor fails on the network. */
export function openStore(config: StoreConfig, options: OpenOptions): Store {
  const { clock, onOperation, onRetry, retryBudgetMs } = options
  let store = driver(config, options)
  if (onOperation) store = metered(store, clock, onOperation)
  const throttle = options.throttle ?? ownThrottle(config, clock)
  if (throttle) store = throttled(store, throttle)
  const rules = {
    clock,
    ...(retryBudgetMs === undefined ? {} : { budgetMs: retryBudgetMs }),
    ...(onRetry ? { onRetry } : {}),
  }
  store = retrying(store, rules, options.patience && patientRetry(store.name, clock, options.patience))
  if (config.prefix) store = prefixed(store, config.prefix, { anyKeys: options.anyKeys ?? false })
  return options.readOnly ? readOnly(store) : store
}

function driver(config: StoreConfig, options: OpenOptions): Store {
  const { clock, timeouts, onServerTime, anyKeys = false } = options
  switch (config.type) {
    case 'directory':
      return directoryStore({ path: config.path, create: false, clock, anyKeys })
    case 's3': {
      const { endpoint, bucket, accessKeyId, secretAccessKey, region } = config
      const access = { endpoint, bucket, accessKeyId, secretAccessKey, region, anyKeys }
      return s3Store({
        ...access,
        ...(timeouts ? { timeouts } : {}),
        ...(onServerTime ? { onServerTime } : {}),
      })
    }
    default:
      return config satisfies never
  }
}

export function ownThrottle({ bandwidthBytesPerSecond }: StoreConfig, clock: Clock): Throttle | null {
  if (bandwidthBytesPerSecond === null) return null
  return createThrottle({ bytesPerSecond: bandwidthBytesPerSecond, clock })
}
