// The built daemon and command line on a real mail server and a real Slack endpoint: a failing night is told, its end too.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connection.js'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { missNight, startDaemon } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'
import { type SlackServer, startSlack } from '../kit/slack.js'
import { type MailServer, PASSWORD, startMailServer } from '../kit/smtp.js'

let cluster: Cluster
let mail: MailServer
let slack: SlackServer
let here: Installation

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE t AS SELECT 1 AS n' })
  mail = await startMailServer()
  slack = await startSlack()
  const { host, port, caFile, user, from, to } = mail.channel()
  const channel = {
    type: 'email',
    host,
    port,
    ca_file: caFile,
    user,
    password_file: 'smtp-password',
    from,
    to,
  }
  const channels = { team: channel, chat: { type: 'slack', webhook_url_file: 'webhook' } }
  here = await install(cluster.target, {
    config: { alerts: { name: 'prod', channels }, postgres: { lock_wait_timeout: '1s' } },
    secrets: { 'smtp-password': PASSWORD, webhook: slack.url },
  })
})

afterAll(async () => {
  await here.remove()
  await slack.stop()
  await mail.stop()
  await cluster.stop()
})

test('alert test goes through the real path, and names what does not', async () => {
  expect(await here.cli('alert', 'test')).toMatchObject({ exitCode: 0 })
  expect(mail.mails.map(one => one.subject)).toEqual(['[prod] this is a test'])
  expect(slack.posts.map(one => one.text)).toEqual(['[prod] this is a test'])
  mail.fault({ refuse: 550 })
  const failed = await here.cli('alert', 'test', 'team')
  expect(failed).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('[alert-failed]') })
  expect(failed.stdout).toMatch(/team +NO +.*550/)
  mail.fault(null)
  expect(await here.cli('alert', 'test', 'nobody')).toMatchObject({ exitCode: 2 })
  expect(JSON.stringify(await here.cli('--json', 'config', 'show'))).not.toMatch(/secret-part|correct horse/)
})

/** One life of the daemon, from its start to the end of the night that it makes up for. */
async function night(minute: number): Promise<string | undefined> {
  missNight(here, minute)
  const before = here.app.journal.runs({ limit: 1 })[0]?.id
  const daemon = startDaemon(here)
  await daemon.ready
  const last = () => here.app.journal.runs({ limit: 1 })[0]
  await until(() => last()?.id !== before && last()?.outcome !== 'running')
  daemon.kill('SIGTERM')
  expect((await daemon.ended).code).toBe(0)
  return last()?.outcome
}

test('a night that fails is told by mail and Slack, listed, acknowledged, and over after the next', async () => {
  mail.mails.length = 0
  slack.posts.length = 0
  const session = await connect(cluster.target, 'gmah_org_acme')
  await session.query('BEGIN')
  await session.query('LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE')
  expect(await night(1)).toBe('partial')
  await session.close()
  const subjects = () => mail.mails.map(one => one.subject)
  expect(subjects()).toEqual(['[prod] warning: backup failed: acme'])
  expect(slack.posts.map(one => one.text)).toEqual(['[prod] warning: backup failed: acme'])
  expect(mail.mails[0]?.text).toContain('[lock-timeout]')
  const listed = JSON.parse((await here.cli('--json', 'alert', 'list')).stdout)
  expect(listed.incidents).toMatchObject([{ rule: 'backup-failed', members: [{ subject: 'tenants/acme' }] }])
  const id = listed.incidents[0].id as string
  expect(await here.cli('alert', 'ack', id.slice(0, 5))).toMatchObject({ exitCode: 0 })
  expect((await here.cli('alert', 'list')).stdout).toMatch(/known to .* backup failed: acme/)
  expect(await here.cli('alert', 'mute', 'backup-late', '--until', '2h', '--why', 'a test')).toMatchObject({
    exitCode: 0,
  })
  expect(await night(2)).toBe('succeeded')
  expect(subjects().at(-1)).toBe('[prod] over: backup failed: acme')
  expect(mail.mails[1]?.references).toBe(mail.mails[0]?.references)
  expect((await here.cli('alert', 'list')).stdout).not.toContain('backup failed')
})
