// A file that is refused at a start, as after `pm2 reload`: the daemon works on with what was last good, and says so.
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type DaemonProcess, daemonLives, editSchedule, startDaemon } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'

let cluster: Cluster
let here: Installation
const { begin, end, kill } = daemonLives(() => here)

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE t AS SELECT 1 AS n' })
})
afterAll(() => cluster.stop())
beforeEach(async () => {
  here = await install(cluster.target, {
    config: { postgres: { password_file: 'pw' } },
    secrets: { pw: 'of-nobody' },
  })
})
afterEach(async () => {
  await kill()
  await here.remove()
})

const kept = (): string => join(here.folder, 'state', 'last-configuration.json')
const scheduled = async (one: DaemonProcess): Promise<string> => (await one.http('/metrics')).text

test('no YAML any more, and a schedule that is none: the last good ones run, until they are mended', async () => {
  await end(await begin())
  expect(statSync(kept()).mode & 0o777).toBe(0o600)
  expect(readFileSync(kept(), 'utf8')).not.toContain('of-nobody')
  const good = readFileSync(here.configFile, 'utf8')
  const broken = `${good}dump: [\n`
  writeFileSync(here.configFile, broken)
  editSchedule(here, { cron: 'whenever' })

  const second = await begin()
  const line = await second.said(/^the configuration is refused; the last good one is in force$/)
  expect(line).toMatchObject({ level: 50 })
  expect(here.events('config-refused')).toMatchObject([
    {
      facts: {
        file: here.configFile,
        problems: expect.arrayContaining([
          expect.objectContaining({ path: '', message: expect.stringContaining('YAML') }),
          expect.objectContaining({ path: 'cron' }),
        ]),
      },
    },
  ])
  expect((await second.http('/readyz')).status).toBe(200)
  expect(await scheduled(second)).toContain('schedule="nightly"')
  // What is refused is never kept for the next start: that one has the same to go back to.
  await end(second)
  const third = await begin()
  writeFileSync(here.configFile, good)
  editSchedule(here, { cron: '30 1 * * *' })
  third.kill('SIGHUP')
  await third.said(/^the configuration was read again/)
  expect(here.events('config-refused')).toHaveLength(2)
})

test('what was good before is of no use without its secrets, or to another file: refused with 2', async () => {
  await end(await begin())
  writeFileSync(here.configFile, `${readFileSync(here.configFile, 'utf8')}bogus: 1\n`)
  const copy = JSON.parse(readFileSync(kept(), 'utf8')) as { file: string }
  writeFileSync(kept(), JSON.stringify({ ...copy, file: '/etc/another.yaml' }))
  const other = startDaemon(here)
  expect(await other.ended).toEqual({ code: 2, signal: null })
  expect(other.stderr()).toContain('bogus is not a key that is known here')

  writeFileSync(kept(), JSON.stringify(copy))
  writeFileSync(join(here.folder, 'pw'), '')
  const poor = startDaemon(here)
  expect(await poor.ended).toEqual({ code: 2, signal: null })
  expect(poor.stderr()).toContain('[config-invalid]')
})

test('nothing was good before: refused with 2', async () => {
  writeFileSync(here.configFile, `${readFileSync(here.configFile, 'utf8')}bogus: 1\n`)
  expect(await startDaemon(here).ended).toEqual({ code: 2, signal: null })
})
