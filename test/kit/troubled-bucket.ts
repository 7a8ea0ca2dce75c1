// A bucket that is reached through a proxy with troubles, for the tests of one file: it begins and ends with them.
import { afterAll, afterEach, beforeAll } from 'vitest'
import type { OperationReport } from '../../src/domain/store-operations.js'
import { openStore } from '../../src/store/open.js'
import type { Store } from '../../src/store/port.js'
import { s3Store } from '../../src/store/s3.js'
import type { Retried } from '../../src/sys/retry.js'
import { type ManualClock, manualClock } from './clock.js'
import { type FaultyHttp, faultyHttp } from './faulty-http.js'
import { type R2, startR2 } from './r2.js'

export interface TroubledBucket {
  readonly r2: R2
  readonly proxy: FaultyHttp
  /** The bucket without the trouble. */
  readonly truth: Store
  /** A store as the program opens it. Without a limit of its own, an answer may take the time that a busy machine needs. */
  open(idleMs?: number): { store: Store; clock: ManualClock; reports: OperationReport[]; retries: Retried[] }
}

/** Call it at the top of a file of tests: each of them finds the bucket empty and the proxy without trouble. */
export function troubledBucket(): TroubledBucket {
  let r2: R2
  let proxy: FaultyHttp
  let truth: Store
  beforeAll(async () => {
    r2 = await startR2()
    proxy = await faultyHttp(r2.endpoint)
    truth = s3Store(r2)
  })
  afterEach(async () => {
    proxy.heal()
    proxy.requests.length = 0
    for await (const one of truth.list('')) await truth.delete(one.key)
  })
  afterAll(async () => {
    await proxy.stop()
    await r2.stop()
  })
  return {
    get r2() {
      return r2
    },
    get proxy() {
      return proxy
    },
    get truth() {
      return truth
    },
    open: (idleMs = 60_000) => {
      const clock = manualClock(undefined, { skipSleeps: true })
      const reports: OperationReport[] = []
      const retries: Retried[] = []
      const where = { ...r2, endpoint: proxy.endpoint, region: 'auto', prefix: '' }
      const store = openStore(
        { type: 's3', ...where, bandwidthBytesPerSecond: null },
        {
          clock,
          onOperation: report => reports.push(report),
          onRetry: retried => retries.push(retried),
          timeouts: { connectMs: 60_000, idleMs, totalMs: 90_000 },
        },
      )
      return { store, clock, reports, retries }
    },
  }
}

/** An answer of S3's that refuses. */
export const refusal = (code: string): string =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>m</Message></Error>`
