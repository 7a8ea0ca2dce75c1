import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { type Installation, install } from '../kit/installation.js'
import { churn } from '../kit/platform/churn.js'
import { DEMO_TENANTS, seedPlatform } from '../kit/platform/seed.js'

let cluster: Cluster
let here: Installation

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { megabytesPerTenant: 2 })
  here = await install(cluster.target)
})

afterAll(async () => {
  await here.remove()
  await cluster.stop()
})

test('a night backs every subject up, the next one stores only what changed, and each comes back proven', async () => {
  const first = await here.night()
  expect(first.failure).toBe(null)
  expect(first.report?.succeeded.map(one => one.subject).sort()).toHaveLength(DEMO_TENANTS.length + 2)
  const idle = await here.night()
  expect(idle.report?.succeeded.map(one => one.stored.newChunks)).toEqual(
    Array(DEMO_TENANTS.length + 2).fill(0),
  )
  await churn({ ...cluster.target }, 'acme', 0.01)
  const busy = await here.night()
  const fresh = (busy.report?.succeeded ?? []).filter(one => one.stored.newChunks > 0)
  expect(fresh.map(one => one.subject)).toEqual(['tenants/acme'])
  for (const [at, name] of [...DEMO_TENANTS, 'platform/master'].entries()) {
    const { proof } = await here.restore(name, `restored ${at}`)
    expect(proof.differences).toEqual([])
    expect(proof.tables).toBeGreaterThan(0)
  }
  const told = here
    .events()
    .map(event => event.type)
    .filter(type => /^(restore|proof)-/.test(type))
  expect(told.slice(0, 3)).toEqual(['restore-started', 'proof-passed', 'restore-finished'])
  await expect(here.restore('acme', 'restored 0')).rejects.toMatchObject({ code: 'target-exists' })
  expect(here.events('restore-failed').at(-1)?.facts).toMatchObject({
    target: 'restored 0',
    error: { code: 'target-exists' },
  })
})

test('the catalogue is the same when it is made anew from the store alone', async () => {
  const { catalogue, repository } = here.parts()
  const before = catalogue.list()
  const report = await catalogue.refresh(repository, { from: 'nothing' })
  expect(report).toMatchObject({ problems: [], subjects: DEMO_TENANTS.length + 2, backups: before.length })
  expect(before.length).toBeGreaterThan(0)
  expect(catalogue.list()).toEqual(before)
  expect(await catalogue.refresh(repository, { from: 'cache' })).toMatchObject({ added: 0, gone: [] })
})
