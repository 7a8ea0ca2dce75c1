import { expect } from 'vitest'
import type { Alerting } from '../../src/alert/alerting.js'
import { createAlerts } from '../../src/alerts.js'
import { watchStore } from '../../src/api/store-health.js'
import { loadConfig } from '../../src/config.js'
import type { JobName, Schedule } from '../../src/domain/schedule.js'
import { runSchedule } from '../../src/jobs/daemon-work.js'
import type { Parts } from '../../src/jobs/parts.js'
import { createScheduler } from '../../src/jobs/scheduler.js'
import { silentLogger } from '../../src/sys/log.js'
import { hastyClock } from './clock.js'
import { type Cluster, startCluster } from './cluster.js'
import { editConfig } from './daemon.js'
import { install } from './installation.js'
import { shipSchedule } from './schedules.js'
import { type SlackServer, startSlack } from './slack.js'
import { type MailServer, PASSWORD, startMailServer } from './smtp.js'

export interface Planted {
  /** As the mail's subject has it. */
  title: string
  /** Slack hears of it too. */
  critical?: true
  /** It happened and does not last: nothing says that it is over. */
  momentary?: true
  /** What mail alone hears before it, or of its end. */
  besides?: { before?: string[]; after?: string[] }
  /** What the mail says of it in its text. */
  says?: RegExp
  begin(): Promise<unknown>
  end?(): Promise<unknown>
}

export interface Ears {
  mail: MailServer
  slack: SlackServer
  /** For `install`: both channels, and their secrets. */
  options: { config: { alerts: Record<string, unknown> }; secrets: Record<string, string> }
  /** What was told since the last call: subjects, in order. */
  heard(): { mail: (string | undefined)[]; slack: (string | undefined)[]; text: string }
  stop(): Promise<void>
}

export async function openEars(): Promise<Ears> {
  const [mail, slack] = [await startMailServer(), await startSlack()]
  const { host, port, caFile, user, from, to } = mail.channel()
  const team = { type: 'email', host, port, ca_file: caFile, user, password_file: 'smtp', from, to }
  const pager = { type: 'slack', webhook_url_file: 'webhook', severity: 'critical' }
  return {
    mail,
    slack,
    options: {
      config: { alerts: { name: 'prod', disk_free: '1MiB', channels: { team, pager } } },
      secrets: { smtp: PASSWORD, webhook: slack.url },
    },
    heard: () => {
      const mails = mail.mails.splice(0)
      return {
        mail: mails.map(one => one.subject),
        slack: slack.posts.splice(0).map(one => one.text),
        text: mails.map(one => one.text).join('\n'),
      }
    },
    stop: async () => {
      await slack.stop()
      await mail.stop()
    },
  }
}

export type AlertScene = Awaited<ReturnType<typeof openAlertScene>>

/** One tenant, `acme`, that had a good night. Schedules are as they are shipped, and are run as the scheduler does it. */
export async function openAlertScene(
  schedules: readonly string[],
  config: Record<string, Record<string, unknown>>,
  more: Record<string, string> = {},
) {
  const [clock, ears, cluster] = [hastyClock(), await openEars(), await startRegistered()]
  const watch = watchStore(clock)
  const { config: own, secrets } = ears.options
  const here = await install(cluster.target, {
    clock,
    config: { ...config, alerts: { ...own.alerts, ...config.alerts } },
    secrets: { ...secrets, ...more },
    onOperation: ({ operation, code }) => watch.note(operation, code),
  })
  for (const name of schedules) shipSchedule(here, name)
  await here.reopen()
  const { journal, states } = here.app
  // It is never started: a test runs what is due.
  const asleep = { busy: () => false, launch: async () => {}, log: silentLogger() }
  const scheduler = createScheduler({ journal, states, clock, ...asleep }, here.parts().config.schedules)
  const alerting: Alerting = createAlerts(here.app, { clock, log: silentLogger(), scheduler, watch })
  const scheduleOf = (job: JobName) => here.parts().config.schedules.find(one => one.job === job) as Schedule
  const run = async (
    job: JobName,
    { parts = one => one, schedule = {} }: { parts?: (one: Parts) => Parts; schedule?: object } = {},
  ): Promise<void> => {
    const launch = { trigger: 'schedule', due: clock.now() } as const
    const asked = { ...scheduleOf(job), ...schedule } as Schedule
    const digest = async () => ({ outcome: 'succeeded' as const })
    await runSchedule(async () => parts(here.parts()), here.app.runner, asked, launch, digest)
  }
  await run('backup-all')
  await alerting.tick()
  return {
    ...{ cluster, here, ears, clock, alerting, run },
    /** Another configuration, read as the daemon reads it at SIGHUP. */
    change: async (edit: Parameters<typeof editConfig>[1]) => {
      editConfig(here, edit)
      await here.app.reconfigure(loadConfig({ path: here.configFile }).config)
    },
    /** Looks, lets so long pass, and looks again. */
    pass: async (ms: number) => {
      await alerting.tick()
      clock.pass(ms)
      await alerting.tick()
    },
    close: async () => {
      await alerting.stop()
      await here.remove()
      await ears.stop()
      await cluster.stop()
    },
  }
}

/** The tenant stands in the master's register too. */
async function startRegistered(): Promise<Cluster> {
  const cluster = await startCluster()
  await cluster.createDatabase({
    name: 'gmah_master',
    sql: `CREATE TABLE organisations AS SELECT 'acme' AS tenant, 'gmah_org_acme' AS database, 'active' AS status`,
  })
  await cluster.createDatabase({ name: 'gmah_org_acme', sql: 'CREATE TABLE t AS SELECT 1 AS n' })
  return cluster
}

/** Plants one after the other. Nothing was told before, and nothing is open or waits in the end. */
export async function tellsEach(
  { alerting, ears, here }: Pick<AlertScene, 'alerting' | 'ears' | 'here'>,
  planted: readonly Planted[],
): Promise<void> {
  expect(ears.heard()).toMatchObject({ mail: [], slack: [] })
  const tells = async (
    act: (() => Promise<unknown>) | undefined,
    title: string,
    mails: string[],
    loud: string[],
  ) => {
    await act?.()
    await alerting.tick()
    const { text, ...heard } = ears.heard()
    const named = (all: string[]) => all.map(one => `[prod] ${one}`)
    expect.soft(heard, title).toEqual({ mail: named(mails), slack: named(loud) })
    return text
  }
  for (const { title, critical, momentary, besides = {}, says, begin, end } of planted) {
    const { before = [], after = [] } = besides
    const text = await tells(begin, title, [...before, title], critical ? [title] : [])
    if (says) expect.soft(text, title).toMatch(says)
    const over = momentary ? [] : [`over: ${title.replace(/^\w+: /, '')}`]
    await tells(end, `the end of ${title}`, [...after, ...over], critical ? over : [])
  }
  expect(here.app.alerts.outbox.pending()).toBe(0)
  expect(here.app.alerts.ledger.openIncidents()).toEqual([])
}
