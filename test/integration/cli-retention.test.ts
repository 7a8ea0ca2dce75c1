// Retention on the command line, by the built program on real databases: the plan, pins, the sweep and what it asks.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { lookWhoIsThere } from '../../src/jobs/departures.js'
import type { Parts } from '../../src/jobs/parts.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type Installation, install } from '../kit/installation.js'
import { shipSchedule } from '../kit/schedules.js'

let cluster: Cluster
let here: Installation
/** Oldest first. */
let ids: string[]

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE t AS SELECT 1 AS id' })
  here = await install(cluster.target)
  for (let night = 0; night < 5; night++) await here.night({ names: ['acme'] })
  ids = here
    .parts()
    .catalogue.list()
    .map(entry => entry.id as string)
    .reverse()
})

afterAll(async () => {
  await here.remove()
  await cluster.stop()
})

const setPolicy = (changes: Record<string, unknown>): void => shipSchedule(here, 'retention', changes)

const json = async (...args: string[]) => JSON.parse((await here.cli(...args, '--json')).stdout)

test('without a policy nothing is planned and nothing swept, and it says what to do', async () => {
  for (const command of [['retention', 'plan'], ['sweep']]) {
    const { exitCode, stderr } = await here.cli(...command)
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringMatching(/no schedule says what is to be kept[\s\S]*retention\.yaml/),
    ])
  }
})

test('a plan gives every backup with its reasons, in words and as JSON, and removes nothing', async () => {
  setPolicy({ minimum: 1, keep: { scheduled: { last: 3 } } })
  const { exitCode, stdout } = await here.cli('retention', 'plan', 'acme')
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/acme: 5 backups, 2 to remove/)
  expect(stdout).toMatch(new RegExp(`${ids[4]}.*keep.*last \\(number 1 of the newest 3\\); newest`))
  expect(stdout).toMatch(new RegExp(`${ids[0]}.*remove.*beyond \\(number 5, and the last 3 are kept\\)`))
  const plan = await json('retention', 'plan', 'acme')
  expect(plan).toMatchObject({ asks: 0, problems: [], subjects: [{ subject: 'tenants/acme', remove: 2 }] })
  expect(plan.subjects[0].backups.map((one: { backup: string }) => one.backup)).toEqual([...ids].reverse())
  expect((await here.cli('sweep', '--dry-run')).stdout).toMatch(/2 backups would be removed/)
  expect(await json('backups')).toHaveLength(5)
})

test('a pin keeps one, says why, and is lifted again', async () => {
  const pinned = await here.cli('backup', 'pin', ids[0] as string, '--why', 'the audit')
  expect([pinned.exitCode, pinned.stdout]).toEqual([0, `${ids[0]} is pinned: the audit`])
  expect((await here.cli('backup', 'pin', ids[0] as string, '--why', 'again')).exitCode).toBe(6)
  expect((await here.cli('retention', 'plan', 'acme')).stdout).toMatch(
    new RegExp(`${ids[0]}.*keep.*pin \\(.*the audit`),
  )
  const swept = await here.cli('sweep')
  expect([swept.exitCode, swept.stdout]).toEqual([0, expect.stringMatching(/1 backup removed, /)])
  expect((await json('backups')).map((one: { id: string }) => one.id)).toEqual([
    ids[4],
    ids[3],
    ids[2],
    ids[0],
  ])
  expect((await here.cli('backup', 'unpin', ids[0] as string)).exitCode).toBe(0)
})

test('a sweep that would remove a lot removes nothing, says the number, and takes it for a yes', async () => {
  setPolicy({ minimum: 1, keep: { scheduled: { last: 1 } } })
  const refused = await here.cli('sweep')
  expect([refused.exitCode, refused.stderr]).toEqual([
    5,
    expect.stringMatching(/more than a third[\s\S]*sweep --yes-remove 3/),
  ])
  expect((await here.cli('retention', 'plan')).stdout).toMatch(/a sweep will ask first: .*\n.*--yes-remove 3/)
  expect((await here.cli('sweep', '--yes-remove', '2')).exitCode).toBe(5)
  expect(await json('backups')).toHaveLength(4)
  const done = await json('sweep', '--yes-remove', '3')
  expect(done).toMatchObject({
    failed: [],
    refused: [],
    swept: [{ subject: 'tenants/acme', removed: [ids[0], ids[2], ids[3]] }],
  })
  expect((await json('backups')).map((one: { id: string }) => one.id)).toEqual([ids[4]])
  expect((await here.cli('runs')).stdout).toMatch(/sweep .*3 removed/)
})

test('a database that no rule names any more is still there; one that was dropped is not', async () => {
  const { config, ...parts } = here.parts()
  const tenants = { ...config.postgres.tenants, pattern: /^other_(?<tenant>.+)$/ }
  const strange = { ...parts, config: { ...config, postgres: { ...config.postgres, tenants } } }
  const there = async (of: Parts) =>
    (await lookWhoIsThere(of, new AbortController().signal)) as ReadonlySet<string>
  expect([...(await there(strange))]).toContain('tenants/acme')
  await cluster.createDatabase({ name: 'gmah_org_beta', sql: 'CREATE TABLE t AS SELECT 1 AS id' })
  await here.night({ names: ['beta'] })
  expect([...(await there(here.parts()))]).toContain('tenants/beta')
  await cluster.sql('postgres', 'DROP DATABASE gmah_org_beta')
  expect([...(await there(here.parts()))]).not.toContain('tenants/beta')
})
