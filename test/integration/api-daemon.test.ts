// The built daemon's two doors: tokens at the port (plain and TLS), files' rights at the socket; what survives a crash.
import { chmodSync, readFileSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { selfSigned } from '../kit/certificate.js'
import { until } from '../kit/clock.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type DaemonProcess, editConfig, startDaemon } from '../kit/daemon.js'
import { type Installation, install } from '../kit/installation.js'

let cluster: Cluster
let here: Installation
const daemons: DaemonProcess[] = []

beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE notes AS SELECT 1 AS id' })
})
afterAll(() => cluster.stop())
beforeEach(async () => {
  here = await install(cluster.target)
})
afterEach(async () => {
  for (const daemon of daemons.splice(0)) daemon.kill('SIGKILL')
  await here.remove()
})

async function start(): Promise<DaemonProcess & { base: string }> {
  const daemon = startDaemon(here)
  daemons.push(daemon)
  await daemon.ready
  const { address } = await daemon.said(/^the daemon is ready/)
  return { ...daemon, base: String(address) }
}

const newToken = async (...options: string[]) => (await here.cli('tokens', 'create', ...options)).stdout

async function call(base: string, token: string, method: string, path: string, body?: object) {
  const answer = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  return { status: answer.status, json: JSON.parse(await answer.text()) }
}

/** One request, by socket or TLS. */
const raw = (send: typeof request, options: object): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const asking = send({ ...options }, answer => {
      let text = ''
      answer.on('data', part => {
        text += part
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
    asking.on('error', reject)
    asking.end()
  })

test('a stranger is logged as fail2ban and Loki read it, and no more once throttled', async () => {
  const { base, said, log } = await start()
  const read = (name: string) => readFileSync(join(process.cwd(), 'monitoring', name), 'utf8')
  for (let n = 0; n < 15; n++) await call(base, 'gmah_000000000000_wrong', 'GET', '/v1/runs')
  await said(/^a request without a valid token$/)
  await until(() => log.filter(one => one.msg === 'a request without a valid token').length === 10)
  // The parser keeps the order of the names, so this is the line as it was written.
  const line = JSON.stringify(log.find(one => one.msg === 'a request without a valid token'))
  const [, pattern = ''] = /^failregex = (.*)$/m.exec(read('fail2ban-filter.conf')) ?? []
  const [, dates = ''] = /^datepattern = (.*)$/m.exec(read('fail2ban-filter.conf')) ?? []
  // What fail2ban makes of its own words; it cuts the date out before it looks.
  const words: Record<string, string> = { '%Y': '\\d{4}', '%f': '\\d+' }
  const date = new RegExp(dates.replaceAll('%%', '%').replace(/%\w/g, one => words[one] ?? '\\d\\d'))
  expect(line).toMatch(date)
  const address = new RegExp(pattern.replace('<ADDR>', '(?<ip>[\\d.]+|[\\da-fA-F:]+)'))
  expect(address.exec(line.replace(date, ''))?.groups?.ip).toBe('127.0.0.1')
  const forged = JSON.stringify({ ...JSON.parse(line), msg: '"part":"api","address":"1.2.3.4","msg":"x"}' })
  expect(forged.replace(date, '')).not.toMatch(address)
  const { scrape_configs } = parse(read('promtail.yaml'))
  const { expressions } = scrape_configs[0].pipeline_stages[0].json
  for (const name of ['time', 'level', 'part']) expect(JSON.parse(line)).toHaveProperty(expressions[name])
})

test('a token from the command line opens the port; revoked, it does not; the audit tells it all', async () => {
  const { base } = await start()
  const token = await newToken('maria', '--role', 'operator', '--tenant', 'acme')
  expect(token).toMatch(/^gmah_[0-9a-f]{12}_\S{43}$/)
  const backup = await call(base, token, 'POST', '/v1/tenants/acme/backups', { wait: true })
  expect([backup.status, backup.json.outcome]).toEqual([200, 'succeeded'])
  expect((await call(base, token, 'GET', '/v1/audit')).status).toBe(403)
  const [listed] = JSON.parse((await here.cli('tokens', 'list', '--json')).stdout)
  expect(listed).toMatchObject({ name: 'maria', role: 'operator', tenants: ['acme'] })
  expect((await here.cli('tokens', 'revoke', listed.id)).exitCode).toBe(0)
  expect((await call(base, token, 'GET', '/v1/runs')).status).toBe(401)
  const { stdout } = await here.cli('audit', 'list', '--json')
  expect(
    JSON.parse(stdout).map((line: { who: string; action: string; origin: string | null }) => [
      line.action,
      line.origin,
    ]),
  ).toEqual([
    ['token revoke', null],
    ['backup', '127.0.0.1'],
    ['token create', null],
  ])
  const verified = await here.cli('audit', 'verify', '--json')
  expect(JSON.parse(verified.stdout)).toMatchObject({
    lines: 3,
    head: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  expect((await here.cli('audit', 'verify', '--head', 'f'.repeat(64))).exitCode).toBe(8)
})

test('the socket is for this user alone, needs no token, and goes with the daemon', async () => {
  const daemon = await start()
  const socketPath = join(here.folder, 'state/api/socket')
  expect(statSync(socketPath).mode & 0o777).toBe(0o600)
  expect(statSync(join(here.folder, 'state/api')).mode & 0o777).toBe(0o700)
  expect(await raw(request, { socketPath, path: '/v1/audit' })).toMatchObject({ status: 200 })
  daemon.kill('SIGTERM')
  await daemon.ended
  expect(() => statSync(socketPath)).toThrow(/ENOENT/)
})

test('a killed daemon leaves its plans and its socket; the next one takes both over', async () => {
  const first = await start()
  const token = await newToken('maria', '--role', 'operator')
  await call(first.base, token, 'POST', '/v1/tenants/acme/backups', { wait: true })
  const plan = await call(first.base, token, 'POST', '/v1/restores/plans', {
    tenant: 'acme',
    database: 'copy_of_acme',
  })
  first.kill('SIGKILL')
  await first.ended
  const second = await start()
  const socketPath = join(here.folder, 'state/api/socket')
  expect((await raw(request, { socketPath, path: '/healthz' })).status).toBe(200)
  const done = await call(second.base, token, 'POST', '/v1/restores', {
    plan: plan.json.id,
    reason: 'after the crash',
    wait: true,
  })
  expect([done.status, done.json.outcome]).toEqual([200, 'succeeded'])
})

test('who follows the events does not hold up a stop', async () => {
  const daemon = await start()
  const token = await newToken('maria')
  const stream = await fetch(`${daemon.base}/v1/events`, { headers: { authorization: `Bearer ${token}` } })
  const reader = stream.body?.getReader()
  await reader?.read()
  daemon.kill('SIGTERM')
  expect(await daemon.ended).toEqual({ code: 0, signal: null })
  await reader?.cancel().catch(() => {})
})

test('beyond loopback it takes TLS, and speaks it', async () => {
  editConfig(here, config => Object.assign(config.daemon ?? {}, { http: { host: '0.0.0.0', port: 0 } }))
  const refused = await here.cli('daemon')
  expect([refused.exitCode, refused.stderr.includes('daemon.http.host')]).toEqual([2, true])
  const { keyFile } = selfSigned(here.folder, 'DNS:localhost')
  chmodSync(keyFile, 0o600)
  const tls = { certificate_file: 'certificate.pem', key_file: 'key.pem' }
  editConfig(here, config => Object.assign(config.daemon ?? {}, { http: { host: '0.0.0.0', port: 0, tls } }))
  const { base } = await start()
  const port = Number(new URL(base).port)
  const token = await newToken('maria')
  const answer = await raw(httpsRequest as typeof request, {
    host: '127.0.0.1',
    port,
    path: '/v1/runs',
    headers: { authorization: `Bearer ${token}` },
    rejectUnauthorized: false,
  })
  expect(answer).toMatchObject({ status: 200 })
  await expect(fetch(`http://127.0.0.1:${port}/v1/runs`)).rejects.toThrow()
})
