// The state directory gone with the disk it was on: the bucket alone brings the same list back, and the next night goes on.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { editConfig } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'
import { churn } from '../kit/platform/churn.js'
import { seedPlatform } from '../kit/platform/seed.js'

let cluster: Cluster
let here: Installation

beforeAll(async () => {
  cluster = await startCluster()
  await seedPlatform(cluster.target, { tenants: ['acme', 'Łódź & "Co"'], megabytesPerTenant: 0.5 })
  here = await install(cluster.target)
})

afterAll(async () => {
  await here.remove()
  await cluster.stop()
})

test('catalogue rebuild on an empty disk gives the same list, and the next night reuses every chunk', async () => {
  await here.night()
  await churn(cluster.target, 'acme', 0.05)
  await here.night()
  const before = here.parts().catalogue.list()
  expect(before).toHaveLength(8)
  rmSync(join(here.folder, 'state'), { recursive: true })

  const rebuilt = await here.cli('--json', 'catalogue', 'rebuild')
  expect(JSON.parse(rebuilt.stdout)).toEqual({ subjects: 4, backups: 8, added: 8, gone: [], problems: [] })
  await here.reopen()
  expect(here.parts().catalogue.list()).toEqual(before)
  expect(here.events().map(event => event.type)).toEqual(['run-started', 'catalogue-rebuilt', 'run-finished'])

  const { report, run } = await here.night()
  expect(run.outcome).toBe('succeeded')
  expect(report?.succeeded.map(one => one.stored.newChunks)).toEqual([0, 0, 0, 0])
  const oldest = before.filter(one => one.subject === 'tenants/acme').at(-1)
  const { proof } = await here.restore('acme', 'from the bucket alone', {
    backup: oldest?.id ?? '',
  })
  expect(proof.differences).toEqual([])
})

test('with the offline key instead of the operational one, on a disk without state, everything is still there', async () => {
  const known = here.parts().catalogue.list().length
  const empty = join(here.folder, 'another', 'state')
  editConfig(here, config => Object.assign(config, { state_directory: empty }))
  rmSync(join(here.folder, 'operational.txt'))
  const rebuilt = await here.cli('--json', '--identity', here.recoveryIdentityFile, 'catalogue', 'rebuild')
  expect(JSON.parse(rebuilt.stdout)).toMatchObject({ backups: known, problems: [] })
})
