// What every store promises (src/store/port.ts), as one suite that each driver and each wrapper must pass.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe } from 'vitest'
import type { Store } from '../../src/store/port.js'
import { listingPromises } from './store-contract-listings.js'
import { objectPromises } from './store-contract-objects.js'
import { racePromises } from './store-contract-races.js'
import { streamPromises } from './store-contract-streams.js'

export interface Subject {
  store: Store
  close(): Promise<void>
}

/** Declares the suite. `manyKeys` is how many objects the paging test stores; each test works below a folder of its own. */
export function storeContract(
  name: string,
  open: () => Promise<Subject>,
  { manyKeys }: { manyKeys: number },
): void {
  describe(`the store contract: ${name}`, () => {
    let subject: Subject
    beforeAll(async () => {
      subject = await open()
    })
    afterAll(async () => {
      for await (const one of subject.store.list('contract-')) await subject.store.delete(one.key)
      await subject.close()
    })
    const ground = {
      get store() {
        return subject.store
      },
      folder: () => `contract-${randomBytes(6).toString('hex')}/`,
    }
    objectPromises(ground)
    listingPromises(ground, manyKeys)
    racePromises(ground)
    streamPromises(ground)
  })
}
