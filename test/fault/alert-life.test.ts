// The lives of a real daemon: a configuration that it refuses, and a crash. Each is told once where it belongs, the end of what lasts
// once, whichever life it began in.
import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Ears, openEars } from '../kit/alert-scene.js'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { daemonLives } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'

let cluster: Cluster
let ears: Ears
let here: Installation
const { begin, end, kill } = daemonLives(() => here)

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE t AS SELECT 1 AS n' })
  ears = await openEars()
  here = await install(cluster.target, ears.options)
})

afterAll(async () => {
  await kill()
  await here.remove()
  await ears.stop()
  await cluster.stop()
})

test('a refused configuration is told, its end by the next life that likes it, and a crash by the life after', async () => {
  const good = await readFile(here.configFile, 'utf8')
  const first = await begin()
  writeFileSync(here.configFile, good.replace('retry_pause', 'retry_paws'), { mode: 0o600 })
  first.kill('SIGHUP')
  await first.said(/^the new configuration was refused/)
  // By its own look, a quarter of a minute later at most: its last words have five seconds, which a busy machine may not give.
  await until(() => ears.mail.mails.length > 0)
  await end(first)
  expect(ears.heard()).toEqual({
    ...{ mail: ['[prod] warning: the new configuration was refused'], slack: [] },
    text: expect.stringMatching(
      /retry_paws.*last good one stays in force, over a restart too.*gmah-backup config check/s,
    ),
  })

  writeFileSync(here.configFile, good, { mode: 0o600 })
  const killed = await begin()
  // One that is killed between sending and noting it leaves the message to be sent once more, when its claim has lapsed.
  await until(() => ears.mail.mails.length > 0 && here.app.alerts.outbox.pending() === 0)
  killed.kill('SIGKILL')
  await killed.ended
  const over = '[prod] over: the new configuration was refused'
  expect(ears.heard()).toMatchObject({ mail: [over], slack: [] })

  // That it took the lease of its own last life is no second message.
  const next = await begin()
  await until(() => ears.mail.mails.length > 0)
  await end(next)
  expect(here.events('lease-taken-over')).toHaveLength(1)
  expect(ears.heard()).toEqual({
    ...{ mail: ['[prod] warning: the daemon restarted after a crash'], slack: [] },
    text: expect.stringContaining('pm2 logs gmah-backup'),
  })
})
