// `config check --online` on the built command line: all that a night needs is tried, what fails is named, the rest is tried too.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newIdentityFile } from '../../src/jobs/keys.js'
import { systemClock } from '../../src/sys/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type Installation, install } from '../kit/installation.js'

let cluster: Cluster
let here: Installation

beforeAll(async () => {
  cluster = await startPlatform({
    acme: 'CREATE TABLE notes (id int)',
    globex: 'CREATE TABLE notes (id int)',
  })
  await cluster.sql('postgres', 'CREATE ROLE reader LOGIN')
  await cluster.sql('gmah_org_acme', 'GRANT SELECT ON notes TO reader')
  here = await install(cluster.target)
})

afterAll(async () => {
  await here.remove()
  await cluster.stop()
})

it('all in order: each thing is said, and nothing stays in the store', async () => {
  const { exitCode, stdout, stderr } = await here.cli('config', 'check', '--online')
  expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/8 things tried, all in order/)])
  expect(stderr.split('\n').map(line => line.slice(0, line.indexOf(':')))).toEqual([
    ...['ok      store', 'ok      postgres', 'ok      pg_dump', 'ok      pg_dumpall', 'ok      pg_restore'],
    ...['gmah_master', 'gmah_org_acme', 'gmah_org_globex'].map(name => `ok      rights on ${name}`),
  ])
  const left = []
  for await (const { key } of here.parts().repository.store.list('')) left.push(key)
  expect(left).toEqual([])
})

it('a user that may not read one database, and a store that is gone: both are named, the rest is tried, one JSON document', async () => {
  const other = await install({ ...cluster.target, user: 'reader' })
  try {
    const rights = await other.cli('--json', 'config', 'check', '--online')
    const { online, problems } = JSON.parse(rights.stdout)
    expect([rights.exitCode, problems]).toEqual([7, []])
    const failed = online.filter((step: { outcome: string }) => step.outcome === 'failed')
    expect(
      failed.map((step: { what: string; error: { code: string } }) => [step.what, step.error.code]),
    ).toEqual([
      ['rights on gmah_master', 'privileges-missing'],
      ['rights on gmah_org_globex', 'privileges-missing'],
    ])
    rmSync(join(other.folder, 'store'), { recursive: true })
    const store = await other.cli('config', 'check', '--online')
    expect([store.exitCode, store.stdout]).toEqual([6, expect.stringMatching(/3 things of 8 failed/)])
    expect(store.stderr).toMatch(/^FAILED {2}store: .*\[store-missing\]$/m)
    expect(store.stderr).toMatch(/^ok {6}rights on gmah_org_acme: acme can be read whole$/m)
  } finally {
    await other.remove()
  }
})

it('an identity that opens nothing of what is stored is found here, not by the first restore', async () => {
  const other = await install(cluster.target)
  try {
    await other.night({ names: ['acme'] })
    expect((await other.cli('config', 'check', '--online')).stderr).toMatch(
      /^ok {6}keys: what is stored opens/m,
    )
    writeFileSync(join(other.folder, 'operational.txt'), (await newIdentityFile(systemClock)).text)
    const wrong = await other.cli('config', 'check', '--online')
    expect([wrong.exitCode, wrong.stderr]).toEqual([
      9,
      expect.stringMatching(/^FAILED {2}keys: .*\[key-wrong\]$/m),
    ])
    const nowhere = await other.cli('--identity', join(other.folder, 'absent.txt'), 'tenants')
    expect([nowhere.exitCode, nowhere.stderr]).toEqual([
      9,
      expect.stringContaining('check the path after --identity'),
    ])
    const folder = await other.cli('--identity', other.folder, 'tenants')
    expect(folder.stderr).toMatch(/no identity that can be read in .* \(EISDIR\) \[key-invalid\]/)
  } finally {
    await other.remove()
  }
})

it('a server that does not answer is one failure, not one a database', async () => {
  const other = await install({ ...cluster.target, port: cluster.target.port + 1 })
  try {
    const { exitCode, stderr } = await other.cli('config', 'check', '--online')
    expect(exitCode).toBe(7)
    expect(stderr.match(/^(ok|FAILED) .*?:/gm)).toEqual(['ok      store:', 'FAILED  postgres:'])
  } finally {
    await other.remove()
  }
})
