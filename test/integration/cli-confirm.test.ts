// The typed confirmation of a restore in place, on a real terminal: script(1), of Debian's essential bsdutils, gives one.
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { databasesOf } from '../kit/in-place.js'
import { CLI, type Installation, install } from '../kit/installation.js'
import { typeInto } from '../kit/pty.js'

const SCRIPT = '/usr/bin/script'
const there = existsSync(SCRIPT)
if (!there) process.stderr.write(`SKIPPED: without ${SCRIPT} nobody can type on a terminal here\n`)

let cluster: Cluster
let here: Installation

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE notes AS SELECT 1 AS id' })
  here = await install(cluster.target)
  await here.night({ names: ['acme'] })
  await cluster.sql('gmah_org_acme', 'DELETE FROM notes')
})
afterAll(async () => {
  await here.remove()
  await cluster.stop()
})

const typed = (answer: string, ...words: string[]) =>
  typeInto(['node', CLI, '--config', here.configFile, ...words], [[/type acme to go on: /, `${answer}\r`]], {
    cwd: here.folder,
  })
const rows = () => cluster.sql('gmah_org_acme', 'SELECT id FROM notes')
const restore = ['restore', 'acme', '--in-place']

test.skipIf(!there)('another name than the tenant is refused, and nothing was started', async () => {
  const before = here.app.journal.runs().length
  const { exitCode, screen } = await typed('acne', ...restore)
  expect([exitCode, screen]).toEqual([5, expect.stringContaining('[confirmation-missing]')])
  // What would happen is read before the name is asked for.
  expect(screen).toMatch(/gmah_org_acme[\s\S]*type acme to go on: /)
  expect(here.app.journal.runs()).toHaveLength(before)
  expect(await databasesOf(cluster)).toEqual(['gmah_master', 'gmah_org_acme'])
  expect(await rows()).toEqual([])
})

test.skipIf(!there)("the tenant's own name lets it go on; its undoing asks again", async () => {
  const { exitCode, screen } = await typed('acme', ...restore)
  expect([exitCode, screen]).toEqual([0, expect.stringContaining('proven: 1 table, 1 row')])
  expect(await rows()).toEqual([{ id: 1 }])
  const [, kept] = /restore undo ([0-9a-f]{12})/.exec(screen) ?? []
  expect((await typed('', 'restore', 'undo', kept as string)).exitCode).toBe(5)
  expect(await rows()).toEqual([{ id: 1 }])
})
