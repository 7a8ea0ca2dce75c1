// What goes wrong around the jobs, made really wrong: the store and a heartbeat's server away, a disk below its floor, a key held
// by this machine alone, a lease that another machine took. Each is told once where it belongs, and its end once.
import { renameSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, test } from 'vitest'
import { loadConfig } from '../../src/config.js'
import { underStoreLease } from '../../src/jobs/store-lease.js'
import { encodeRecord, newRecord } from '../../src/repository/lease-record.js'
import { DAEMON_LEASE } from '../../src/store/keys.js'
import { type AlertScene, openAlertScene, type Planted, tellsEach } from '../kit/alert-scene.js'
import { MINUTE_MS } from '../kit/alerting.js'
import { manualClock, until } from '../kit/clock.js'

let scene: AlertScene
let answer = 200
const listener = createServer((_request, response) => void response.writeHead(answer).end())

beforeAll(async () => {
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/ping/uuid`
  scene = await openAlertScene(
    [],
    { alerts: { heartbeats: { outside: { url_file: 'heartbeat', style: 'plain', every: '1m' } } } },
    { heartbeat: url },
  )
})

afterAll(async () => {
  await scene.close()
  listener.closeAllConnections()
  await new Promise(resolve => listener.close(resolve))
})

/** As the daemon's lease asks it every half minute. */
const askStore = () =>
  scene.here
    .parts()
    .repository.store.head(DAEMON_LEASE)
    .catch(() => {})

/** Another machine's daemon saw ours unchanged for as long as a lease lives, because ours could not be heard. */
async function loseLease(): Promise<void> {
  const { here } = scene
  const clock = manualClock(new Date().toISOString())
  const parts = { ...here.parts(), clock }
  let stop: (why: string) => void = () => {}
  const stopped = new Promise<void>(resolve => {
    stop = () => resolve()
  })
  const asked = { signal: new AbortController().signal, onLost: stop }
  const daemon = underStoreLease(parts, here.app.journal, asked, () => stopped)
  await until(() => here.events('lease-acquired').length === 1)
  const other = { host: 'web2', pid: 7, start: '1', purpose: 'daemon' }
  await parts.repository.store.put(DAEMON_LEASE, encodeRecord(newRecord(other, clock, 120_000)))
  await clock.advance(30_000)
  await daemon
}

const PLANTED: Planted[] = [
  {
    title: 'CRITICAL: the store cannot be used (store-missing)',
    critical: true,
    begin: async () => {
      renameSync(scene.here.storeFolder, `${scene.here.storeFolder}-away`)
      await askStore()
      await scene.pass(6 * MINUTE_MS)
    },
    end: async () => {
      renameSync(`${scene.here.storeFolder}-away`, scene.here.storeFolder)
      await askStore()
      await scene.pass(11 * MINUTE_MS)
    },
  },
  {
    title: 'warning: the heartbeat is not heard: outside',
    says: /answered 503.*check the URL in its url_file/s,
    begin: async () => {
      answer = 503
      await scene.pass(2 * MINUTE_MS)
      await scene.pass(16 * MINUTE_MS)
    },
    end: async () => {
      answer = 200
      await scene.pass(2 * MINUTE_MS)
      await scene.pass(11 * MINUTE_MS)
    },
  },
  {
    title: 'CRITICAL: the disk is about to run out',
    critical: true,
    says: /state: \d+ MB.*df -h/s,
    begin: () => scene.change(config => Object.assign(config.alerts ?? {}, { disk_free: '9999GiB' })),
    end: async () => {
      await scene.change(config => Object.assign(config.alerts ?? {}, { disk_free: '1MiB' }))
      await scene.pass(11 * MINUTE_MS)
    },
  },
  {
    title: 'CRITICAL: a key that only this machine holds',
    critical: true,
    says: /operational\.txt.*nobody can open the backups.*gmah-backup keys rotate/s,
    begin: () => {
      const [own] = scene.here.parts().repository.keyring.recipients
      return scene.change(config => Object.assign(config.keys ?? {}, { recovery_recipients: [own] }))
    },
    end: () => scene.change(config => Object.assign(config.keys ?? {}, { recovery_recipients: recovery })),
  },
  {
    title: 'CRITICAL: the store’s lease was lost',
    ...{ critical: true, momentary: true },
    says: /is now held by daemon on web2, process 7/,
    begin: loseLease,
  },
]

let recovery: readonly string[] = []

test('each is told once where it belongs, and its end once', async () => {
  recovery = loadConfig({ path: scene.here.configFile }).config.keys.recoveryRecipients
  await tellsEach(scene, PLANTED)
})
