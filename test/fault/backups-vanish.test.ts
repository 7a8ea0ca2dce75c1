// Manifests that go from the store behind our back: the next look tells of them once, and of none that a sweep took.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { refreshCatalogue } from '../../src/jobs/refresh-catalogue.js'
import { tenant } from '../kit/alerting.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { type Installation, install } from '../kit/installation.js'
import { seedPlatform } from '../kit/platform/seed.js'

const ACME = tenant('acme')
let cluster: Cluster
let here: Installation

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme', 'globex'], megabytesPerTenant: 0.1 })
  here = await install(cluster.target)
  for (let night = 0; night < 4; night++) await here.night({ names: ['acme', 'globex'] })
})

afterAll(async () => {
  await here.remove()
  await cluster.stop()
})

const backupsOf = (subject = ACME) => here.parts().catalogue.list({ subject })
const told = () => here.events('backups-vanished').map(({ subject, facts }) => ({ subject, facts }))

/** Gone with the file, as by a rule of the bucket. */
function takeOldest(subject = ACME) {
  const oldest = backupsOf(subject).at(-1)
  if (!oldest) throw new Error('there is none')
  rmSync(join(here.storeFolder, oldest.manifest))
  return { backup: oldest.id, instant: oldest.instant }
}

test('a check says which, in whose name, and fails; the next one has nothing more to say', async () => {
  const [mine, theirs] = [takeOldest(), takeOldest(tenant('globex'))]
  const found = await here.cli('check')
  expect(found.exitCode).toBe(8)
  expect(found.stdout).toMatch(
    new RegExp(`^GONE {4}acme: backup ${mine.backup} of 20.* is in the store no more$`, 'm'),
  )
  expect(found.stdout).toMatch(new RegExp(`^GONE {4}globex: backup ${theirs.backup} of `, 'm'))
  expect(found.stdout).toMatch(/hint: nobody here removed them: .*lifecycle rules/)
  expect(found.stdout).toMatch(/checked; no damage; 2 backups gone$/m)
  expect(told()).toEqual([
    { subject: ACME, facts: { count: 1, first: [mine] } },
    { subject: tenant('globex'), facts: { count: 1, first: [theirs] } },
  ])
  expect(backupsOf()).toHaveLength(3)
  expect(await here.cli('check')).toMatchObject({ exitCode: 0 })
  expect(told()).toHaveLength(2)
})

test('a check of one tenant looks at that one alone', async () => {
  const before = told().length
  const theirs = takeOldest(tenant('globex'))
  expect(await here.cli('check', 'acme')).toMatchObject({ exitCode: 0 })
  expect(told()).toHaveLength(before)
  expect(await here.cli('check', 'globex')).toMatchObject({ exitCode: 8 })
  expect(told().slice(before)).toEqual([{ subject: tenant('globex'), facts: { count: 1, first: [theirs] } }])
})

test('whoever looks first tells it: the catalogue read anew, too', async () => {
  const gone = takeOldest()
  const rebuilt = await here.cli('catalogue', 'rebuild')
  expect([rebuilt.exitCode, rebuilt.stdout]).toEqual([
    0,
    expect.stringContaining(`gone, and no sweep took it: ${gone.backup} of acme`),
  ])
  expect(told().at(-1)).toEqual({ subject: ACME, facts: { count: 1, first: [gone] } })
})

test('what a sweep said it would take, before it died, is no surprise', async () => {
  const before = told().length
  const { backup, instant } = takeOldest()
  here.app.journal.event({
    ...{ type: 'backup-removal', run: null, subject: ACME },
    facts: { backup, kind: 'scheduled', instant, reasons: [] },
  })
  const { gone } = await refreshCatalogue(here.parts(), () => {
    throw new Error('there is nothing to tell')
  })
  expect([gone, told().length]).toEqual([[], before])
  expect(backupsOf()).toHaveLength(1)
})
