// The listing of a subject's chunks is slow, or fails, while pg_dump is already writing.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import type { Store } from '../../src/store/port.js'
import { until } from '../kit/clock.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { install } from '../kit/installation.js'
import { seedPlatform } from '../kit/platform/seed.js'

let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme'], megabytesPerTenant: 0.3 })
})

afterAll(() => cluster.stop())

/** Something happens before a listing of chunks. */
const beforeListing =
  (happens: () => Promise<void>) =>
  (store: Store): Store => ({
    ...store,
    list: async function* (prefix, how) {
      if (prefix.includes('/chunks/')) await happens()
      yield* store.list(prefix, how)
    },
  })

test('a slow listing loses nothing of what pg_dump said meanwhile', async () => {
  const here = await install(cluster.target, {
    wrapStore: beforeListing(async () => void (await sleep(1500))),
  })
  try {
    const { failure, report, run } = await here.night()
    expect(failure).toBe(null)
    expect(report?.failed).toEqual([])
    expect(run.outcome).toBe('succeeded')
    for (const name of ['acme', 'platform/master']) {
      const { proof } = await here.restore(name, `restored ${name}`)
      expect(proof.differences).toEqual([])
    }
  } finally {
    await here.remove()
  }
})

test('a listing that fails fails the backup with the store’s own words, and pg_dump does not stay', async () => {
  const refused = new Failure('store-denied', 'the token may not list')
  const here = await install(cluster.target, {
    wrapStore: beforeListing(async () => {
      await sleep(1500)
      throw refused
    }),
  })
  try {
    const { report, run, failure } = await here.night({ names: ['acme'] })
    expect(report?.succeeded).toEqual([])
    expect(report?.failed.map(one => one.failure.code)).toEqual(['store-denied'])
    expect(run.outcome).not.toBe('succeeded')
    expect(failure?.code).toBe('store-denied')
    expect(here.events('backup-failed').map(event => event.facts)).toMatchObject([
      { error: { code: 'store-denied', message: 'the token may not list' } },
    ])
    expect(here.events('backup-committed')).toEqual([])
    // The server takes a moment to see that its client is gone.
    const dumping = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pg_dump%'"
    await until(async () => (await cluster.sql('postgres', dumping)).length === 0)
  } finally {
    await here.remove()
  }
})
