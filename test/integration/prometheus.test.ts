// The real Prometheus scrapes the real daemon: every query of the dashboard has data, and every rule can be asked.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endOfSnapshots, type SnapshotSchedule, snapshotServers } from '../../src/jobs/snapshot-servers.js'
import { systemClock } from '../../src/sys/clock.js'
import { archiveMonth } from '../kit/archives.js'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type DaemonProcess, startDaemon } from '../kit/daemon.js'
import { nightOfDrills, scratchFolder } from '../kit/drills.js'
import { type FakeHetzner, fakeHetzner } from '../kit/hetzner/server.js'
import { type Installation, install } from '../kit/installation.js'
import { PROMETHEUS, type Prometheus, startPrometheus } from '../kit/prometheus.js'
import { shipSchedule } from '../kit/schedules.js'

const FOLDER = join(process.cwd(), 'monitoring')
const RULES = join(FOLDER, 'prometheus-rules.yaml')
if (!PROMETHEUS)
  console.warn('SKIPPED: no prometheus on this machine; `apt-get install prometheus` brings it')

const panels: { title: string; targets: { expr: string }[] }[] = JSON.parse(
  readFileSync(join(FOLDER, 'grafana-dashboard.json'), 'utf8'),
).panels
const LONG_MS = 120_000
/** Of a single backup none goes for as far as a sweep looks. */
const ABSENT = /next_removal/

let cluster: Cluster
let here: Installation
let hetzner: FakeHetzner
let daemon: DaemonProcess
let prometheus: Prometheus
const scratch = scratchFolder()

beforeAll(async () => {
  if (!PROMETHEUS) return
  cluster = await startPlatform({ acme: 'CREATE TABLE t AS SELECT 1 AS n' })
  hetzner = await fakeHetzner(systemClock)
  hetzner.project.addServer()
  hetzner.project.fate = () => ({ takesMs: 0, hiddenMs: 0, ends: 'available' })
  const { endpoint, token } = hetzner
  here = await install(cluster.target, {
    config: {
      hetzner: { endpoint, token },
      drills: { scratch_directory: scratch.path },
      // One thing that is wrong, so that there is an incident to count.
      alerts: {
        heartbeats: { watch: { url_file: 'url', style: 'plain' } },
        expiries: [{ what: 'a token', on: new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10) }],
      },
    },
    secrets: { url: 'http://127.0.0.1:9/' },
  })
  for (const name of ['drills', 'retention', 'server-snapshots']) shipSchedule(here, name)
  await here.reopen()
})

afterAll(async () => {
  await prometheus?.stop()
  daemon?.kill('SIGTERM')
  await daemon?.ended
  await here?.remove()
  await hetzner?.close()
  await cluster?.stop()
  scratch.remove()
})

const weekOfSnapshots = () =>
  here.app.runner.run({ name: 'snapshot-servers', trigger: 'schedule' }, async context => {
    const schedule = here.parts().config.schedules.find(one => one.job === 'snapshot-servers')
    return endOfSnapshots(await snapshotServers(here.parts(), schedule as SnapshotSchedule, context))
  })

test.skipIf(!PROMETHEUS)(
  'Prometheus finds the daemon up, data for every query, and no fault in a rule',
  async () => {
    expect(await here.night()).toMatchObject({ failure: null })
    // The archive first: a night of drills restores the dump in it too.
    expect(await archiveMonth(here, '2026-10')).toMatchObject({ failure: null })
    expect(await nightOfDrills(here)).toMatchObject({ failure: null })
    expect(await here.cli('sweep')).toMatchObject({ exitCode: 0 })
    expect(await weekOfSnapshots()).toMatchObject({ failure: null })
    daemon = startDaemon(here)
    await daemon.ready
    const { address } = await daemon.said(/^the daemon is ready/)
    // Done by the daemon, whose own traffic with the store is counted.
    expect(await here.cli('backup', 'acme')).toMatchObject({ exitCode: 0 })
    prometheus = await startPrometheus(address as string, RULES)
    await until(async () => (await prometheus.query('up{job="gmah-backup"} == 1')).length === 1, LONG_MS)
    // A rate needs two scrapes, and a rule its first evaluation.
    await until(
      async () => Number((await prometheus.query('count_over_time(up[1h])'))[0]?.value[1]) > 1,
      LONG_MS,
    )
    for (const { title, targets } of panels) {
      for (const { expr } of targets) {
        if (ABSENT.test(expr)) continue
        await until(async () => (await prometheus.query(expr)).length > 0, LONG_MS).catch(() => {
          throw new Error(`no data: ${title}: ${expr}`)
        })
      }
    }
    await until(async () => (await prometheus.rules()).every(one => one.health !== 'unknown'), LONG_MS)
    const rules = await prometheus.rules()
    const written = readFileSync(RULES, 'utf8').match(/- alert: /g)?.length
    expect(rules).toHaveLength(written ?? 0)
    for (const rule of rules) expect(rule).toMatchObject({ health: 'ok' })
    // Our label, not Prometheus' own of that name.
    const nightly = await prometheus.query('gmah_backup_freshness_window_seconds{job="backup-all"}')
    expect(nightly).toHaveLength(1)
    // Both sides of the rules of late jobs and late tenants, whose silence would look like health.
    for (const late of [
      'gmah_backup_job_last_success_timestamp_seconds{job="snapshot-servers"} < on (job) group_left () max by (job) (gmah_backup_freshness_window_seconds) + time()',
      'gmah_backup_newest_backup_timestamp_seconds{subject="tenants/acme"} < on (instance, subject) group_left () gmah_backup_subject_freshness_window_seconds + time()',
    ])
      expect(await prometheus.query(late), late).toHaveLength(1)
    const [size] = await prometheus.query('gmah_backup_snapshot_last_bytes{server="gmah-app"}')
    expect(size?.value[1]).toBe('4250000000')
    const [proven] = await prometheus.query('gmah_backup_drill_coverage_ratio')
    expect(proven?.value[1]).toBe('1')
    const proofs = await prometheus.query(
      'gmah_backup_last_proof_duration_seconds{subject="tenants/acme"} > 0',
    )
    expect(proofs).toHaveLength(1)
  },
)

test.skipIf(!PROMETHEUS)('a daemon that is gone is seen to be down', async () => {
  daemon.kill('SIGTERM')
  await daemon.ended
  await until(async () => (await prometheus.query('up{job="gmah-backup"} == 0')).length === 1, LONG_MS)
})
