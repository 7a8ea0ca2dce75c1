// The contract suite on every driver, on every wrapper, and (with GMAH_TEST_STORE, a StoreConfig as JSON) on a live bucket.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../../src/domain/errors.js'
import { directoryStore } from '../../src/store/directory.js'
import { metered } from '../../src/store/metered.js'
import { openStore } from '../../src/store/open.js'
import type { Store } from '../../src/store/port.js'
import { prefixed } from '../../src/store/prefixed.js'
import { retrying } from '../../src/store/retrying.js'
import { s3Store } from '../../src/store/s3.js'
import { throttled } from '../../src/store/throttled.js'
import { systemClock } from '../../src/sys/clock.js'
import { createThrottle } from '../../src/sys/throttle.js'
import { manualClock } from '../kit/clock.js'
import { faultyStore } from '../kit/faulty-store.js'
import { memoryStore } from '../kit/memory-store.js'
import { startR2 } from '../kit/r2.js'
import { storeContract } from './store-contract.js'

const plain = (store: Store) => async () => ({ store, close: async () => {} })

storeContract('memory', plain(memoryStore()), { manyKeys: 10_000 })

async function inDirectory(open: (path: string) => Store) {
  const path = await mkdtemp(join(tmpdir(), 'gmah-store-'))
  return { store: open(path), close: () => rm(path, { recursive: true, force: true }) }
}

storeContract('directory', () => inDirectory(path => directoryStore({ path, clock: systemClock })), {
  manyKeys: 10_000,
})

storeContract(
  'S3 (R2)',
  async () => {
    const r2 = await startR2()
    return { store: s3Store(r2), close: r2.stop }
  },
  { manyKeys: 1_500 },
)

storeContract(
  'all wrappers around S3 (R2)',
  async () => {
    const r2 = await startR2()
    const config = {
      type: 's3',
      region: 'auto',
      ...r2,
      prefix: 'a prefix/of+two',
      bandwidthBytesPerSecond: 1e9,
    } as const
    return { store: openStore(config, { clock: systemClock, onOperation: () => {} }), close: r2.stop }
  },
  { manyKeys: 1_100 },
)

storeContract(
  'all wrappers around a directory',
  () =>
    inDirectory(path =>
      openStore(
        { type: 'directory', path, prefix: 'p', bandwidthBytesPerSecond: null },
        { clock: systemClock },
      ),
    ),
  { manyKeys: 500 },
)

storeContract('retrying', plain(retrying(memoryStore(), { clock: systemClock })), { manyKeys: 2_000 })

/** Every third call of each kind is unlucky, before or after its effect, and listings break in the middle: nobody may notice. */
function unlucky(): Store {
  const store = memoryStore()
  let calls = 0
  const luck = async <T>(call: () => Promise<T>): Promise<T> => {
    calls++
    if (calls % 3 === 0) throw new Failure('store-busy', 'slow down')
    const result = await call()
    if (calls % 4 === 0) throw new Failure('store-unreachable', 'the answer was lost')
    return result
  }
  async function* cut<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    let left = ++calls % 2 ? calls % 400 : Number.POSITIVE_INFINITY
    for await (const item of items) {
      if (left-- === 0) throw new Failure('store-unreachable', 'the listing was cut')
      yield item
    }
  }
  return {
    name: 'unlucky',
    put: (...args) => luck(() => store.put(...args)),
    get: (...args) => luck(() => store.get(...args)),
    head: (...args) => luck(() => store.head(...args)),
    delete: (...args) => luck(() => store.delete(...args)),
    // Nobody tries a whole stream again, so luck is left out there.
    putStream: (...args) => store.putStream(...args),
    getRange: (...args) => luck(() => store.getRange(...args)),
    uploads: (...args) => cut(store.uploads(...args)),
    abortUpload: (...args) => luck(() => store.abortUpload(...args)),
    list: (...args) => cut(store.list(...args)),
    folders: (...args) => cut(store.folders(...args)),
  }
}

const skipping = manualClock(undefined, { skipSleeps: true })
storeContract(
  'retrying, around an unlucky store',
  plain(retrying(unlucky(), { clock: skipping, budgetMs: 1e9 })),
  { manyKeys: 2_000 },
)

storeContract('metered', plain(metered(memoryStore(), systemClock, () => {})), { manyKeys: 2_000 })

storeContract(
  'throttled',
  plain(
    throttled(
      memoryStore(),
      createThrottle({ bytesPerSecond: 1e6, clock: manualClock(undefined, { skipSleeps: true }) }),
    ),
  ),
  { manyKeys: 2_000 },
)

storeContract('prefixed', plain(prefixed(memoryStore(), 'some/where')), { manyKeys: 2_000 })

storeContract('faulty, with no faults', plain(faultyStore(memoryStore())), { manyKeys: 2_000 })

const live = process.env.GMAH_TEST_STORE
if (live)
  storeContract('a live store', plain(openStore(JSON.parse(live), { clock: systemClock })), {
    manyKeys: 1_100,
  })
