// The guard of /v1: who gets in, what they may, what the audit keeps of it, and who is slowed down.
import { describe, expect, test } from 'vitest'
import { openApi } from '../kit/api.js'
import { fakeClock } from '../kit/fake-clock.js'

test('without a valid token there is only a problem document', async () => {
  const clock = fakeClock('2026-11-23T12:00:00Z')
  const { ask, token, app } = await openApi(undefined, { clock })
  const expiring = token('viewer', null, new Date('2026-11-24T00:00:00Z'))
  const revoked = token('viewer')
  app.tokens.revoke(app.tokens.list()[1]?.id ?? '')
  for (const as of [
    undefined,
    'x',
    `${expiring.slice(0, -1)}~`,
    `gmah_000000000000_${'a'.repeat(43)}`,
    revoked,
  ]) {
    const { status, headers, json } = await ask('GET', '/v1/runs', as === undefined ? {} : { as })
    expect(status).toBe(401)
    expect(headers['content-type']).toContain('application/problem+json')
    expect(json()).toMatchObject({ code: 'unauthorized', hint: expect.stringContaining('tokens create') })
  }
  expect((await ask('GET', '/v1/runs', { as: expiring })).status).toBe(200)
  clock.pass(86_400_000)
  expect((await ask('GET', '/v1/runs', { as: expiring })).status).toBe(401)
})

test('tokens are kept as hashes: the files hold none of them', async () => {
  const { token, app, here, ask } = await openApi()
  const secret = token('admin')
  const { readFileSync, readdirSync } = await import('node:fs')
  const state = `${here.folder}/state`
  const held = readdirSync(state).map(name => readFileSync(`${state}/${name}`).toString('latin1'))
  // The secret part may have an underscore of its own.
  const [, id = '', part = ''] = /^gmah_([0-9a-f]{12})_(\S{43})$/.exec(secret) ?? []
  expect([id.length, part.length]).toEqual([12, 43])
  expect(held.some(text => text.includes(id))).toBe(true)
  expect(held.some(text => text.includes(part))).toBe(false)
  expect(JSON.stringify(app.tokens.list())).not.toContain(secret)
  expect((await ask('GET', '/v1/tokens', { as: secret })).text).not.toContain(secret)
})

describe('roles', () => {
  test('include those before them', async () => {
    const { ask, token } = await openApi()
    const [viewer, operator, admin] = [token('viewer'), token('operator'), token('admin')]
    const statuses = async (method: 'GET' | 'POST', url: string, body?: object) => {
      const all = [viewer, operator, admin].map(as => ask(method, url, { as, ...(body ? { body } : {}) }))
      return (await Promise.all(all)).map(answer => answer.status)
    }
    expect(await statuses('GET', '/v1/schedules')).toEqual([200, 200, 200])
    expect(await statuses('POST', '/v1/schedules/nightly/pause')).toEqual([403, 403, 200])
    expect(await statuses('GET', '/v1/audit')).toEqual([403, 403, 200])
    expect((await statuses('POST', '/v1/schedules/nightly/runs', {}))[0]).toBe(403)
  })

  test('a scoped token sees its tenants and nothing of the platform', async () => {
    const { ask, token, app } = await openApi()
    for (const subject of ['tenants/acme', 'tenants/globex', null] as never[]) {
      app.journal.finishRun(app.journal.startRun({ job: 'backup', trigger: 'manual', subject }).id, {
        outcome: 'succeeded',
      })
    }
    const as = token('admin', ['acme'])
    const { runs } = (await ask('GET', '/v1/runs', { as })).json()
    expect(runs.map((run: { subject: string }) => run.subject)).toEqual(['tenants/acme'])
    const [other] = app.journal.runs({ subject: 'tenants/globex' as never })
    expect((await ask('GET', `/v1/runs/${other?.id}`, { as })).status).toBe(403)
    for (const path of [
      '/v1/tenants/globex/backups',
      '/v1/tenants/platform%2Fmaster/backups',
      '/v1/schedules',
      '/v1/audit',
      '/v1/tokens',
    ])
      expect([path, (await ask('GET', path, { as })).status]).toEqual([path, 403])
    expect((await ask('GET', '/v1/tenants/acme/backups', { as })).status).toBe(200)
    expect((await ask('POST', '/v1/backups', { as, body: {} })).status).toBe(403)
    expect((await ask('POST', '/v1/tenants/globex/backups', { as, body: {} })).status).toBe(403)
  })
})

test('a name longer than any database is refused before a store is asked', async () => {
  const { ask, token } = await openApi()
  const tenant = encodeURIComponent('é'.repeat(120))
  const { status, json } = await ask('GET', `/v1/tenants/${tenant}/backups`, { as: token('viewer') })
  expect([status, json().code]).toEqual([400, 'usage'])
  const unreadable = await ask('GET', '/v1/tenants/%ff/backups', { as: token('viewer') })
  expect([unreadable.status, unreadable.json().code]).toEqual([400, 'usage'])
})

describe('who is slowed down', () => {
  test('an address with wrong tokens, but not a right token from the same address', async () => {
    const clock = fakeClock('2026-11-23T12:00:00Z')
    const { ask, token } = await openApi(undefined, { clock })
    const as = token('viewer')
    const wrong = () => ask('GET', '/v1/runs', { as: 'nonsense' })
    for (let n = 0; n < 10; n++) expect((await wrong()).status).toBe(401)
    const slowed = await wrong()
    expect([slowed.status, slowed.headers['retry-after'], slowed.json().code]).toEqual([
      429,
      '60',
      'too-many-requests',
    ])
    expect((await ask('GET', '/v1/runs', { as })).status).toBe(200)
    expect((await ask('GET', '/v1/runs', { as: 'nonsense', remoteAddress: '10.0.0.9' })).status).toBe(401)
    clock.pass(60_000)
    expect((await wrong()).status).toBe(401)
  })

  test('an address that asks more than its share', async () => {
    const { ask, token } = await openApi(undefined, { door: { kind: 'port', requestsPerMinute: 3 } })
    const as = token('viewer')
    const statuses = []
    for (let n = 0; n < 4; n++) statuses.push((await ask('GET', '/v1/runs', { as })).status)
    expect(statuses).toEqual([200, 200, 200, 429])
  })

  test('by the address that the proxy saw, not by what the client wrote before it', async () => {
    const { ask } = await openApi(undefined, { behindProxy: true })
    const from = (chain: string) =>
      ask('POST', '/v1/backups', { body: {}, headers: { 'x-forwarded-for': chain } })
    for (let n = 0; n < 11; n++) await from(`10.0.0.${n}, 192.0.2.7`)
    expect((await from('10.1.1.1, 192.0.2.7')).status).toBe(429)
    expect((await from('192.0.2.8')).status).toBe(401)
  })
})

test('health is open to this machine and takes a token from elsewhere', async () => {
  const { ask, token } = await openApi()
  const remoteAddress = '192.0.2.7'
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect((await ask('GET', path)).status).toBe(200)
    expect((await ask('GET', path, { remoteAddress })).status).toBe(401)
    expect((await ask('GET', path, { remoteAddress, as: token('viewer') })).status).toBe(200)
  }
})

describe('the audit', () => {
  test('keeps every call that changes anything: who, what, from where, and how it went', async () => {
    const { ask, token, app } = await openApi()
    const [viewer, admin] = [token('viewer'), token('admin')]
    await ask('POST', '/v1/schedules/nightly/pause', { remoteAddress: '192.0.2.7' })
    await ask('POST', '/v1/schedules/nightly/pause', { as: viewer })
    await ask('POST', '/v1/schedules/nightly/pause', { as: admin })
    await ask('POST', '/v1/schedules/nothing/pause', { as: admin })
    await ask('POST', '/v1/tenants/acme/backups', { as: admin, body: { wait: 1 } })
    await ask('GET', '/v1/runs', { as: admin })
    expect(app.journal.auditLines().reverse()).toMatchObject([
      {
        who: 'nobody we know',
        action: 'schedule pause',
        target: 'nightly',
        outcome: 'refused',
        origin: '192.0.2.7',
      },
      { who: 'viewer  0', outcome: 'refused', detail: expect.stringMatching(/^forbidden: /) },
      { who: 'admin  1', outcome: 'allowed', detail: null, origin: '127.0.0.1' },
      { target: 'nothing', outcome: 'refused', detail: expect.stringMatching(/^schedule-unknown: /) },
      { action: 'backup', target: 'acme', outcome: 'refused', detail: expect.stringMatching(/^usage: /) },
    ])
    expect(app.verifyAudit()).toMatchObject({ lines: 5 })
  })

  test('names the person at the socket, who needs no token', async () => {
    const { ask, app } = await openApi(undefined, { door: { kind: 'socket', user: 'gmah_backup' } })
    expect((await ask('POST', '/v1/schedules/nightly/pause')).status).toBe(200)
    await ask('POST', '/v1/schedules/nightly/resume', { headers: { 'x-operator': 'maria' } })
    expect(app.journal.auditLines().map(line => [line.who, line.origin])).toEqual([
      ['maria, command line', null],
      ['gmah_backup, command line', null],
    ])
  })
})
