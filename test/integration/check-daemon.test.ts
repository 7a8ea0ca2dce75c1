// The built daemon checks its store by its schedule: damage that was planted is found, marked, told to Slack and to Prometheus, and
// when the night's backup has healed it that is told too.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config.js'
import type { Run } from '../../src/jobs/journal-rows.js'
import { chunkKey } from '../../src/store/keys.js'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type DaemonProcess, startDaemon } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'
import { ACME } from '../kit/repository.js'
import { shipSchedule } from '../kit/schedules.js'
import { type SlackServer, startSlack } from '../kit/slack.js'

const PATIENCE_MS = 120_000

let cluster: Cluster
let slack: SlackServer
let here: Installation

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE t AS SELECT 1 AS n' })
  slack = await startSlack()
  here = await install(cluster.target, {
    config: {
      alerts: { name: 'prod', channels: { chat: { type: 'slack', webhook_url_file: 'webhook' } } },
    },
    secrets: { webhook: slack.url },
  })
})

afterAll(async () => {
  await here.remove()
  await slack.stop()
  await cluster.stop()
})

/** The shipped schedule, reading everything; its time came while no daemon ran, so the next one makes up for it at once. */
function missCheck(minute: number): void {
  shipSchedule(here, 'nightly-check', { read: 'all', cron: `${minute} 1 1 1 *`, freshness_window: '400d' })
  const schedule = loadConfig({ path: here.configFile }).config.schedules.find(one => one.job === 'check')
  if (!schedule) throw new Error('it was just written')
  here.app.states.setSince(schedule, new Date('2020-01-01T00:00:00Z'))
}

/** One life of the daemon, from its start to the end of the check that it makes up for, and what it then says to Prometheus. */
async function checked(minute: number, then: (daemon: DaemonProcess) => Promise<void>): Promise<Run> {
  missCheck(minute)
  const last = () => here.app.journal.runs({ job: 'check', limit: 1 })[0]
  const before = last()?.id
  const daemon = startDaemon(here)
  await daemon.ready
  await until(() => last()?.id !== before && last()?.outcome !== 'running', PATIENCE_MS)
  await then(daemon)
  daemon.kill('SIGTERM')
  expect((await daemon.ended).code).toBe(0)
  return last() as Run
}

const broken = async (daemon: DaemonProcess): Promise<string | undefined> =>
  /^gmah_backup_broken_backups\{subject="tenants\/acme"\} (\d+)$/m.exec(
    (await daemon.http('/metrics')).text,
  )?.[1]

test('a nightly check finds what has gone bad, says so everywhere, and says when it is whole again', async () => {
  const { report } = await here.night()
  const made = report?.succeeded.find(one => one.subject === ACME)
  const bad = chunkKey(ACME, made?.chunks[0]?.id ?? ('' as never))
  const file = join(here.storeFolder, bad)
  const body = readFileSync(file)
  body.writeUInt8(body.readUInt8(body.length - 30) ^ 1, body.length - 30)
  writeFileSync(file, body)

  const found = await checked(0, async daemon => {
    expect(await broken(daemon)).toBe('1')
    await until(() => slack.posts.some(one => JSON.stringify(one).includes(bad)), PATIENCE_MS)
  })
  expect(found).toMatchObject({ trigger: 'catch-up', outcome: 'partial', facts: { damaged: 1, broken: 1 } })
  expect(here.events('objects-damaged')).toMatchObject([
    { run: found.id, subject: ACME, facts: { count: 1, first: [{ key: bad }], broken: [made?.backup] } },
  ])
  expect(here.events('subject-checked')).toHaveLength(3)

  expect((await here.night()).run.outcome).toBe('succeeded')
  expect(here.events('objects-healed')).toMatchObject([{ subject: ACME, facts: { first: [bad] } }])
  const whole = await checked(1, async daemon => {
    expect(await broken(daemon)).toBe('0')
    await until(() => slack.posts.some(one => /over: damaged objects/.test(one.text ?? '')), PATIENCE_MS)
  })
  expect(whole).toMatchObject({ outcome: 'succeeded', facts: { damaged: 0, broken: 0 } })
})
