// The snippets beside the daemon, read by the programs they are for: nginx in front of a real daemon, fail2ban on its real log,
// logrotate on its files. What is not on this machine is left out, and says so.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type DaemonProcess, editConfig, startDaemon } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'
import { NGINX, type Nginx, startNginx } from '../kit/nginx.js'

const MONITORING = join(process.cwd(), 'monitoring')
const FAIL2BAN = ['/usr/bin', '/usr/local/bin'].find(one => existsSync(join(one, 'fail2ban-regex')))
if (!FAIL2BAN) process.stderr.write('SKIPPED: there is no fail2ban here (apt-get install fail2ban)\n')
const LOGROTATE = ['/usr/sbin/logrotate', '/usr/local/sbin/logrotate'].find(existsSync)
if (!LOGROTATE) process.stderr.write('SKIPPED: there is no logrotate here (apt-get install logrotate)\n')

/** Whom nginx lets in, and whom it does not. */
const FRIEND = '127.0.0.5'
const STRANGER = '127.0.0.9'
const REFUSED = 'a request without a valid token'

let cluster: Cluster
let here: Installation
let daemon: DaemonProcess
let token: string
let logFile: string

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE t AS SELECT 1 AS n' })
  here = await install(cluster.target)
  editConfig(here, config => Object.assign(config.daemon ?? {}, { http: { port: 0, behind_proxy: true } }))
  daemon = startDaemon(here)
  await daemon.ready
  token = (await here.cli('tokens', 'create', 'maria', '--role', 'operator')).stdout
  logFile = join(here.folder, 'gmah-backup-out.log')
})
afterAll(async () => {
  daemon.kill('SIGTERM')
  await daemon.ended
  await here.remove()
  await cluster.stop()
})

/** As PM2 keeps it. */
function writeLog(): void {
  writeFileSync(logFile, daemon.log.map(line => `${JSON.stringify(line)}\n`).join(''))
}

const strangers = () => daemon.log.filter(one => one.msg === REFUSED)

describe.skipIf(!NGINX)('nginx', () => {
  let nginx: Nginx
  beforeAll(async () => {
    const { address } = await daemon.said(/^the daemon is ready/)
    nginx = await startNginx(address as string, FRIEND)
  })
  afterAll(() => nginx?.stop())

  const asMaria = (more: object = {}) => ({
    from: FRIEND,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...more,
  })

  test('lets own machines in, nobody else, and nobody to health and metrics', async () => {
    const answer = await nginx.ask('/v1/runs', asMaria())
    expect([answer.status, answer.headers['x-content-type-options']]).toEqual([200, 'nosniff'])
    expect(JSON.parse(answer.text)).toHaveProperty('runs')
    expect((await nginx.ask('/v1/runs', { ...asMaria(), from: STRANGER })).status).toBe(403)
    for (const path of ['/metrics', '/healthz', '/readyz']) {
      expect((await nginx.ask(path, asMaria())).status, path).toBe(404)
    }
    const body = JSON.stringify({ label: 'x'.repeat(70_000) })
    const large = await nginx.ask('/v1/tenants/acme/backups', asMaria({ method: 'POST', body }))
    expect(large.status).toBe(413)
  })

  test('says who asks, whatever the client says of itself', async () => {
    const before = strangers().length
    const lie = { 'x-forwarded-for': '198.51.100.7', authorization: 'Bearer gmah_000000000000_wrong' }
    expect((await nginx.ask('/v1/runs', { from: FRIEND, headers: lie })).status).toBe(401)
    await until(() => strangers().length > before)
    expect(strangers().at(-1)).toMatchObject({ address: FRIEND })
  })

  test('lets events through as they come, while the stream goes on', async () => {
    const stream = nginx.follow('/v1/events?after=0', asMaria())
    // What the daemon said before, so that the stream is open when there is something new.
    let seen = String((await stream.next()).value)
    const done = await nginx.ask(
      '/v1/tenants/acme/backups',
      asMaria({ method: 'POST', body: JSON.stringify({ wait: true }) }),
    )
    expect(JSON.parse(done.text)).toMatchObject({ outcome: 'succeeded' })
    while (!seen.includes('backup-committed')) seen += String((await stream.next()).value)
    await stream.return(undefined)
  })

  test('slows down who asks too often', async () => {
    const statuses = new Set<number>()
    await until(async () => {
      const all = Array.from({ length: 60 }, () => nginx.ask('/v1/runs', asMaria()))
      for (const { status } of await Promise.all(all)) statuses.add(status)
      return statuses.has(429)
    })
    expect([...statuses].sort()).toEqual([200, 429])
  })
})

describe.skipIf(!FAIL2BAN)('fail2ban', () => {
  const run = (program: string, ...args: string[]) =>
    execFileSync(join(FAIL2BAN as string, program), args, { encoding: 'utf8', stdio: 'pipe' })

  test('finds the address in every line that is meant, and in no other', async () => {
    const base = (await daemon.said(/^the daemon is ready/)).address
    const before = strangers().length
    for (const address of ['203.0.113.9', '2001:db8::7', '203.0.113.9']) {
      const headers = { 'x-forwarded-for': address, authorization: 'Bearer gmah_000000000000_wrong' }
      expect((await fetch(`${base}/v1/runs`, { headers })).status).toBe(401)
    }
    await until(() => strangers().length === before + 3)
    writeLog()
    const filter = join(MONITORING, 'fail2ban-filter.conf')
    const addresses = run('fail2ban-regex', '-o', 'ip', logFile, filter).trim().split('\n')
    expect(addresses).toEqual(strangers().map(one => one.address))
    expect(run('fail2ban-regex', logFile, filter)).toMatch(
      new RegExp(`Lines: ${daemon.log.length} lines, 0 ignored, ${strangers().length} matched`),
    )
  })

  test('takes the jail', () => {
    writeLog()
    const folder = join(here.folder, 'fail2ban')
    cpSync('/etc/fail2ban', folder, { recursive: true })
    const jails = join(folder, 'jail.d')
    rmSync(jails, { recursive: true })
    mkdirSync(jails)
    cpSync(join(MONITORING, 'fail2ban-filter.conf'), join(folder, 'filter.d/gmah-backup.conf'))
    const jail = readFileSync(join(MONITORING, 'fail2ban-jail.conf'), 'utf8')
    writeFileSync(join(jails, 'gmah-backup.conf'), jail.replace(/^logpath .*$/m, `logpath = ${logFile}`))
    const said = run('fail2ban-client', '-c', folder, '-d')
    expect(said).toContain("['add', 'gmah-backup', 'auto']")
    expect(said).toContain("['set', 'gmah-backup', 'maxretry', 5]")
  })
})

test.skipIf(!LOGROTATE)('logrotate keeps the old log and begins a new one', () => {
  writeLog()
  const { username } = userInfo()
  const shipped = readFileSync(join(MONITORING, 'logrotate.conf'), 'utf8')
  const group = execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim()
  const own = shipped
    .replace('/home/gmah_backup/.pm2/logs/', `${here.folder}/`)
    .replaceAll('gmah_backup gmah_backup', `${username} ${group}`)
    .replace(/^ {4}su .*$/m, `    touch ${here.folder}/reloaded`)
  const file = join(here.folder, 'logrotate.conf')
  writeFileSync(file, own, { mode: 0o644 })
  const before = readFileSync(logFile, 'utf8')
  execFileSync(LOGROTATE as string, ['--force', '--state', join(here.folder, 'rotated'), file], {
    stdio: 'pipe',
  })
  expect(readFileSync(`${logFile}.1`, 'utf8')).toBe(before)
  expect(readFileSync(logFile, 'utf8')).toBe('')
  expect(readdirSync(here.folder)).toContain('reloaded')
})

test('what promtail asks of a line is in the daemon’s lines', async () => {
  await here.cli('backup', 'acme')
  await until(() => daemon.log.some(one => 'outcome' in one))
  const [{ pipeline_stages: stages }] = parse(
    readFileSync(join(MONITORING, 'promtail.yaml'), 'utf8'),
  ).scrape_configs
  const { expressions } = stages[0].json
  for (const name of Object.values<string>(expressions)) {
    expect(
      daemon.log.some(line => line[name] !== undefined),
      name,
    ).toBe(true)
  }
  expect(stages[1].timestamp).toEqual({ source: 'time', format: 'RFC3339Nano' })
  for (const { time } of daemon.log) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z$/)
  expect(Object.keys(stages[3].labels)).toEqual(['level', 'job', 'part', 'outcome'])
})
