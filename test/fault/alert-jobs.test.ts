// Real jobs that really fail, run as the daemon runs what is due: each is told by a real mail server, and by a real Slack
// endpoint where it is critical; once, and its end once.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Alerting } from '../../src/alert/alerting.js'
import { createAlerts } from '../../src/alerts.js'
import { watchStore } from '../../src/api/store-health.js'
import type { StoredEvent } from '../../src/domain/events.js'
import type { JobName, Schedule } from '../../src/domain/schedule.js'
import { runSchedule } from '../../src/jobs/daemon-work.js'
import { openBackup } from '../../src/jobs/open-backup.js'
import type { Parts } from '../../src/jobs/parts.js'
import type { Scheduler } from '../../src/jobs/scheduler.js'
import { connect } from '../../src/postgres/connection.js'
import { chunkKey } from '../../src/store/keys.js'
import { systemClock } from '../../src/sys/clock.js'
import { silentLogger } from '../../src/sys/log.js'
import { tenant } from '../kit/alerting.js'
import { type Cluster, startCluster } from '../kit/cluster.js'
import { scratchFolder } from '../kit/drills.js'
import { type Installation, install } from '../kit/installation.js'
import { type SlackServer, startSlack } from '../kit/slack.js'
import { type MailServer, PASSWORD, startMailServer } from '../kit/smtp.js'

const SHIPPED = ['retention', 'drills', 'monthly-archives', 'nightly-check', 'put-aside-databases']
let cluster: Cluster
let mail: MailServer
let slack: SlackServer
let here: Installation
let alerting: Alerting
const scratch = scratchFolder()
const acme = tenant('acme')

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.createDatabase({
    name: 'gmah_master',
    sql: `CREATE TABLE organisations AS SELECT 'acme' AS tenant, 'gmah_org_acme' AS database, 'active' AS status`,
  })
  await cluster.createDatabase({ name: 'gmah_org_acme', sql: 'CREATE TABLE t AS SELECT 1 AS n' })
  mail = await startMailServer()
  slack = await startSlack()
  const { host, port, caFile, user, from, to } = mail.channel()
  const team = { type: 'email', host, port, ca_file: caFile, user, password_file: 'smtp', from, to }
  const pager = { type: 'slack', webhook_url_file: 'webhook', severity: 'critical' }
  const query = 'select tenant, database, status from organisations'
  here = await install(cluster.target, {
    config: {
      alerts: { name: 'prod', disk_free: '1MiB', channels: { team, pager } },
      postgres: { lock_wait_timeout: '1s', tenants: { query } },
      drills: { scratch_directory: scratch.path },
    },
    secrets: { smtp: PASSWORD, webhook: slack.url },
  })
  for (const name of SHIPPED) {
    const text = readFileSync(join(process.cwd(), 'schedules', `${name}.yaml`), 'utf8')
    writeFileSync(join(here.folder, 'schedules', `${name}.yaml`), text)
  }
  await here.reopen()
  const scheduler = { status: () => [] } as unknown as Scheduler
  alerting = createAlerts(here.app, {
    ...{ clock: systemClock, log: silentLogger(), scheduler, watch: watchStore(systemClock) },
  })
  await run('backup-all')
  await alerting.tick()
})

afterAll(async () => {
  await alerting.stop()
  await here.remove()
  await slack.stop()
  await mail.stop()
  await cluster.stop()
  scratch.remove()
})

/** As the scheduler does it. */
async function run(job: JobName, change: (parts: Parts) => Parts = parts => parts): Promise<void> {
  const schedule = here.parts().config.schedules.find(one => one.job === job) as Schedule
  const launch = { trigger: 'schedule', due: new Date() } as const
  const digest = async () => ({ outcome: 'succeeded' as const })
  await runSchedule(async () => change(here.parts()), here.app.runner, schedule, launch, digest)
}

const postgres =
  (more: Partial<Parts['config']['postgres']>) =>
  (parts: Parts): Parts => ({
    ...parts,
    config: { ...parts.config, postgres: { ...parts.config.postgres, ...more } },
  })

/** Takes a file of the store away; gives what brings it back. */
function takeAway(key: string): () => void {
  const file = join(here.storeFolder, key)
  const body = readFileSync(file)
  renameSync(file, `${here.folder}/taken`)
  return () => writeFileSync(file, body)
}

const sql = (text: string) => cluster.sql('gmah_master', text)
const night = () => run('backup-all')
let undo: () => void = () => {}

interface Planted {
  title: string
  critical?: true
  begin(): Promise<unknown>
  end(): Promise<unknown>
}

const PLANTED: Planted[] = [
  {
    title: 'warning: sweep failed',
    begin: () => run('sweep', parts => ({ ...parts, config: { ...parts.config, schedules: [] } })),
    end: () => run('sweep'),
  },
  {
    title: 'warning: sweep-kept failed',
    begin: () => run('sweep-kept', postgres({ port: 1 })),
    end: () => run('sweep-kept'),
  },
  {
    title: 'warning: backup failed: acme',
    begin: async () => {
      const session = await connect(cluster.target, 'gmah_org_acme')
      await session.query('BEGIN')
      await session.query('LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE')
      await night()
      await session.close()
    },
    end: night,
  },
  {
    title: 'CRITICAL: backup-all failed',
    critical: true,
    begin: () => run('backup-all', postgres({ port: 1 })),
    end: night,
  },
  {
    title: 'warning: the server could not be seen whole',
    begin: () =>
      run(
        'backup-all',
        postgres({ tenants: { ...here.parts().config.postgres.tenants, query: 'select nope' } }),
      ),
    end: night,
  },
  {
    title: 'warning: databases and tenants disagree (tenant-without-database)',
    begin: async () => {
      await sql(`INSERT INTO organisations VALUES ('ghost', 'gmah_org_ghost', 'active')`)
      await night()
    },
    end: async () => {
      await sql(`DELETE FROM organisations WHERE tenant = 'ghost'`)
      await night()
    },
  },
  {
    title: 'warning: no room to prove: platform/master, acme',
    begin: () => {
      const drills = here.parts().config.schedules.find(one => one.job === 'drill') as Schedule
      return runSchedule(
        async () => here.parts(),
        here.app.runner,
        { ...drills, diskBytes: 1 } as Schedule,
        { trigger: 'schedule', due: new Date() },
        async () => ({ outcome: 'succeeded' }),
      )
    },
    end: () => run('drill'),
  },
  {
    title: 'CRITICAL: damaged objects in the store: acme',
    critical: true,
    begin: async () => {
      const { manifest } = await openBackup(here.parts().repository, acme, 'latest')
      undo = takeAway(chunkKey(acme, manifest.chunks[0]?.id as never))
      await run('check')
    },
    end: async () => {
      undo()
      await run('check')
    },
  },
  {
    title: 'warning: check failed',
    begin: async () => {
      renameSync(here.storeFolder, `${here.storeFolder}-away`)
      await run('check')
    },
    end: async () => {
      renameSync(`${here.storeFolder}-away`, here.storeFolder)
      await run('check')
    },
  },
  {
    title: 'warning: the monthly archive failed: acme',
    begin: async () => {
      undo = takeAway(`${acme}/backups/key.age`)
      await run('archive-tenants')
    },
    end: async () => {
      undo()
      await run('archive-tenants')
    },
  },
  {
    // By now the one day has many backups, of which the policy keeps one: a third of everything would go.
    title: 'warning: retention deleted nothing, or not all it should (sweep-refused)',
    begin: () => run('sweep'),
    end: async () => {
      const [planned] = here.events('sweep-planned').slice(-1)
      const { refused } = (planned as Extract<StoredEvent, { type: 'sweep-planned' }>).facts
      expect(await here.cli('sweep', '--yes-remove', String(refused))).toMatchObject({ exitCode: 0 })
    },
  },
]

test('each failure of a real job is told once where it belongs, and its end once', async () => {
  expect([mail.mails, slack.posts]).toEqual([[], []])
  for (const { title, critical, begin, end } of PLANTED) {
    const over = `[prod] over: ${title.replace(/^\w+: /, '')}`
    for (const [act, text] of [
      [begin, `[prod] ${title}`],
      [end, over],
    ] as const) {
      await act()
      await alerting.tick()
      expect
        .soft(
          mail.mails.splice(0).map(one => one.subject),
          text,
        )
        .toEqual([text])
      expect
        .soft(
          slack.posts.splice(0).map(one => one.text),
          text,
        )
        .toEqual(critical ? [text] : [])
    }
  }
  expect(here.app.alerts.outbox.pending()).toBe(0)
  expect(here.app.alerts.ledger.openIncidents()).toEqual([])
})
