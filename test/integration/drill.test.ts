// A night of backups and a night of drills on a real platform: every subject is proven, and the catalogue says so for good.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GLOBALS, MASTER } from '../../src/domain/subject.js'
import { verdictsOf } from '../../src/repository/catalogue-proofs.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { nightOfDrills, scratchFolder } from '../kit/drills.js'
import { type Installation, install } from '../kit/installation.js'
import { DEMO_TENANTS, seedPlatform } from '../kit/platform/seed.js'

let cluster: Cluster
let here: Installation
const scratch = scratchFolder()

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { megabytesPerTenant: 2 })
  here = await install(cluster.target, { config: { drills: { scratch_directory: scratch.path } } })
  expect(await here.night()).toMatchObject({ failure: null })
})

afterAll(async () => {
  await here.remove()
  await cluster.stop()
  scratch.remove()
})

test('one night proves everyone, and nothing is left of it', async () => {
  const { report, run, failure } = await nightOfDrills(here)
  expect(failure).toBe(null)
  expect(report?.failed).toEqual([])
  expect(report?.left).toEqual([])
  expect(run.outcome).toBe('succeeded')
  const subjects = report?.passed.map(one => one.subject) ?? []
  expect(subjects).toHaveLength(DEMO_TENANTS.length + 2)
  expect(subjects).toEqual(expect.arrayContaining([MASTER, GLOBALS]))
  expect(report?.coverage).toMatchObject({ percent: 100, proven: DEMO_TENANTS.length + 2 })
  expect(here.events('proof-passed')).toHaveLength(DEMO_TENANTS.length + 2)
  expect(here.events('drills-covered').at(-1)?.facts).toMatchObject({ percent: 100, everyDays: 7 })
  expect(scratch.left()).toEqual([])
})

describe('the proofs', () => {
  test('are in the bucket: an empty disk learns them again', async () => {
    const { catalogue, repository } = here.parts()
    const before = catalogue.proofs.list()
    expect(before).toHaveLength(DEMO_TENANTS.length + 2)
    await catalogue.refresh(repository, { from: 'nothing' })
    expect(catalogue.proofs.list()).toEqual(before)
    for (const { id, subject } of catalogue.newest()) {
      const verdicts = verdictsOf(catalogue.proofs.list({ backup: id }))
      expect(verdicts.provenAt, subject).not.toBeNull()
      expect(verdicts.loadSeconds, subject).toBeGreaterThan(0)
    }
  })
})
