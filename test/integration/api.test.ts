// The API on real parts: backups and restores of a real server over HTTP, events that can be taken up again, keys and plans.

import { readFileSync } from 'node:fs'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../src/config.js'
import { connect } from '../../src/postgres/connection.js'
import { openApi } from '../kit/api.js'
import { until } from '../kit/clock.js'
import { type Cluster, randomName, startPlatform } from '../kit/cluster.js'
import { shipSchedule } from '../kit/schedules.js'

let cluster: Cluster
beforeAll(async () => {
  const notes = 'CREATE TABLE notes AS SELECT 1 AS id, $$x$$ AS text'
  cluster = await startPlatform({ acme: notes, globex: notes })
})
afterAll(() => cluster.stop())

const api = async (options: Parameters<typeof openApi>[1] = {}) => {
  const opened = await openApi(cluster.target, options)
  const as = opened.token('operator')
  const post = (url: string, body: object, headers: Record<string, string> = {}) =>
    opened.ask('POST', url, { as, body, headers })
  const plan = async (more: object = {}) =>
    (await post('/v1/restores/plans', { tenant: 'acme', database: randomName('restored'), ...more })).json()
  return { ...opened, as, post, plan, get: (url: string) => opened.ask('GET', url, { as }) }
}

/** A lock that keeps the dump of this tenant from ending. */
async function holdDump(tenant: string) {
  const holder = await connect(cluster.target, `gmah_org_${tenant}`)
  await holder.run('BEGIN; LOCK TABLE public.notes IN ACCESS EXCLUSIVE MODE')
  let held = true
  const release = async () => {
    if (!held) return
    held = false
    await holder.run('ROLLBACK')
    await holder.close()
  }
  onTestFinished(release)
  return release
}

test('status: the same page as on the command line, and of one tenant for who sees no more', async () => {
  const { get, post, ask, token, here } = await api()
  expect((await post('/v1/backups', { kind: 'manual', wait: true })).status).toBeLessThan(300)
  const { status, json } = await get('/v1/status')
  expect(status).toBe(200)
  const page = json()
  expect(page).toMatchObject({ ok: true, tenants: { problems: [] }, archives: { newest: null } })
  expect(page.tenants.subjects).toHaveLength(4)
  const { stdout } = await here.cli('--json', 'status')
  expect(Object.keys(JSON.parse(stdout))).toEqual(Object.keys(page))
  const own = (await ask('GET', '/v1/status', { as: token('viewer', ['acme']) })).json()
  expect(own).toMatchObject({ snapshots: null, archives: null, schedules: [], storedCost: null })
  expect(own.tenants.subjects).toMatchObject([{ subject: 'tenants/acme', troubles: [] }])
})

describe('backups', () => {
  test('of one tenant: a run at once, its events, its end; then it is listed', async () => {
    const { post, get, app } = await api()
    const started = await post('/v1/tenants/acme/backups', { kind: 'before-migration', label: 'v42' })
    expect(started.status).toBe(202)
    expect(started.headers.location).toBe(`/v1/runs/${started.json().id}`)
    expect(started.json()).toMatchObject({
      job: 'backup',
      subject: 'tenants/acme',
      trigger: 'api',
      outcome: 'running',
    })
    // The stream ends with the run.
    const events = await get(`/v1/runs/${started.json().id}/events`)
    expect(events.headers['content-type']).toContain('text/event-stream')
    const types = [...events.text.matchAll(/^event: (.+)$/gm)].map(match => match[1])
    expect(types).toEqual(
      expect.arrayContaining(['hello', 'run-started', 'backup-committed', 'run-finished']),
    )
    expect((await get(`/v1/runs/${started.json().id}`)).json()).toMatchObject({ outcome: 'succeeded' })
    const { backups } = (await get('/v1/tenants/acme/backups')).json()
    expect(backups).toMatchObject([
      { kind: 'before-migration', label: 'v42', subject: 'tenants/acme', rows: 1 },
    ])
    const shown = (await get(`/v1/backups/${backups[0].id}`)).json()
    expect(shown.tables).toMatchObject([{ schema: 'public', name: 'notes', rows: 1 }])
    const { tenants } = (await get('/v1/tenants')).json()
    expect(tenants.find((one: { name: string }) => one.name === 'acme').newest.id).toBe(backups[0].id)
    expect(app.journal.auditLines()).toMatchObject([
      { action: 'backup', target: 'tenants/acme', outcome: 'allowed' },
    ])
  })

  test('waited for: its end, or its failure as a problem', async () => {
    const { post } = await api()
    const done = await post('/v1/tenants/platform%2Fmaster/backups', { wait: true })
    expect([done.status, done.json().outcome]).toEqual([200, 'succeeded'])
    const failed = await post('/v1/tenants/nobody/backups', { wait: true })
    expect([failed.status, failed.json().code]).toEqual([404, 'tenant-unknown'])
    expect(failed.headers['content-type']).toContain('application/problem+json')
  })

  test('of a tenant that is not there: refused at once, as the command line says it, and no run is begun', async () => {
    const { post, app, here } = await api()
    const { stdout } = await here.cli('--json', 'backup', 'nobody')
    const { code, hint } = JSON.parse(stdout).error
    const runs = app.journal.runs().length
    const asked: [string, object, string][] = [
      ['/v1/tenants/nobody/backups', {}, code],
      ['/v1/backups', { tenants: ['acme', 'nobody'] }, code],
      ['/v1/checks', { tenants: ['nobody'] }, code],
      ['/v1/tenants/nobody/verifications', {}, 'backup-unknown'],
      ['/v1/tenants/nobody/archives', {}, 'backup-unknown'],
      ['/v1/tenants/nobody/archives/latest/verify', {}, 'archive-unknown'],
    ]
    for (const [url, body, expected] of asked) {
      const answer = await post(url, body)
      expect([url, answer.status, answer.json().code]).toEqual([url, 404, expected])
    }
    expect((await post('/v1/tenants/nobody/backups', {})).json()).toMatchObject({ code, hint })
    expect(code).toBe('tenant-unknown')
    expect(app.journal.runs()).toHaveLength(runs)
    expect(app.journal.auditLines({ limit: 1 })).toMatchObject([
      { action: 'backup', outcome: 'refused', detail: expect.stringContaining('tenant-unknown') },
    ])
  })

  test('a backup that the tenant has not: refused at once wherever one is named; and one that it has is taken', async () => {
    const { post, get, app, ask, token } = await api()
    await post('/v1/tenants/acme/backups', { wait: true })
    const [{ id }] = (await get('/v1/tenants/acme/backups')).json().backups
    const runs = app.journal.runs().length
    const other = `${id.startsWith('0') ? '1' : '0'}${id.slice(1)}`
    const play = (backup: string) => ({ set: { tenant: 'acme', database: 'beside', backup } })
    const beside = '/v1/playbooks/tenant-beside/runs'
    const asked: [string, object][] = [
      ['/v1/tenants/acme/verifications', { backup: other }],
      ['/v1/tenants/acme/archives', { backup: other }],
      ['/v1/tenants/acme/archives', { backup: '2001-01-01T00:00:00Z' }],
      ['/v1/restores/plans', { tenant: 'acme', database: 'beside', backup: other }],
      [beside, play(other)],
    ]
    const as = token('admin')
    for (const [url, body] of asked) {
      const answer = await ask('POST', url, { as, body })
      expect([url, answer.status, answer.json().code]).toEqual([url, 404, 'backup-unknown'])
    }
    const wrong = await post('/v1/tenants/acme/verifications', { backup: 'yesterday' })
    expect([wrong.status, wrong.json().code]).toEqual([400, 'usage'])
    const unset = await ask('POST', beside, { as, body: { set: { tenant: 'acme' } } })
    expect([unset.status, unset.json().code]).toEqual([400, 'usage'])
    expect(app.journal.runs()).toHaveLength(runs)
    // The beginning of an id names it, also where the catalogue does not know it yet.
    const { catalogue } = app.parts()
    for (const { manifest } of catalogue.list()) catalogue.remove(manifest)
    const begun = await post('/v1/tenants/acme/verifications', { backup: id.slice(0, 8), level: 'stored' })
    expect(begun.status).toBe(202)
    await app.runner.idle()
    expect(app.journal.run(begun.json().id)).toMatchObject({ outcome: 'succeeded' })
  })

  test('of a tenant that was made a moment ago; and sent again when it is gone, it is the same run', async () => {
    const { post, app } = await api()
    await post('/v1/backups', { wait: true })
    await cluster.createDatabase({ name: 'gmah_org_newest', like: 'gmah_org_acme' })
    const key = { 'idempotency-key': 'newest' }
    const done = await post('/v1/tenants/newest/backups', { wait: true }, key)
    expect([done.status, done.json().outcome]).toEqual([200, 'succeeded'])
    await cluster.sql('postgres', 'DROP DATABASE gmah_org_newest WITH (FORCE)')
    const again = await post('/v1/tenants/newest/backups', { wait: true }, key)
    expect([again.status, again.json().id]).toEqual([200, done.json().id])
    expect(app.journal.runs({ job: 'backup' })).toHaveLength(1)
  })

  test('while PostgreSQL is away nobody can tell: it is accepted, and the run says why it failed', async () => {
    const { app, here, ask, token } = await openApi()
    const started = await ask('POST', '/v1/tenants/nobody/backups', { as: token('operator'), body: {} })
    expect(started.status).toBe(202)
    await app.runner.idle()
    expect(app.journal.run(started.json().id)).toMatchObject({
      outcome: 'failed',
      error: { code: 'postgres-unreachable' },
    })
    // Allowed is about the request; how the run ended stands beside it.
    expect(app.journal.auditLines({ limit: 1 })).toMatchObject([
      { action: 'backup', outcome: 'allowed', run: started.json().id, ended: 'failed' },
    ])
    const { stdout } = await here.cli('audit', 'list')
    expect(stdout).toMatch(new RegExp(`backup +tenants/nobody +allowed +${started.json().id} failed`))
  })

  test('verified now, and what was found is shown', async () => {
    const { post, get } = await api()
    await post('/v1/tenants/acme/backups', { wait: true })
    const [{ id }] = (await get('/v1/tenants/acme/backups')).json().backups
    const verify = (backup: string) =>
      post('/v1/tenants/acme/verifications', { backup, level: 'read', wait: true })
    const done = await verify(id)
    expect([done.status, done.json().outcome]).toEqual([200, 'succeeded'])
    const { proofs } = (await get(`/v1/backups/${id}/proofs`)).json()
    expect(proofs).toMatchObject([{ level: 'read', outcome: 'passed', differences: [] }])
    expect((await verify('0000abcd')).status).toBe(404)
  })

  test('of everything, and a schedule now', async () => {
    const { post } = await api()
    const all = await post('/v1/backups', { wait: true })
    expect([all.status, all.json().facts]).toEqual([200, { succeeded: 4, failed: 0 }])
    const scheduled = await post('/v1/schedules/nightly/runs', { wait: true })
    expect(scheduled.json()).toMatchObject({
      job: 'backup-all',
      trigger: 'api',
      due: null,
      outcome: 'succeeded',
    })
  })

  test('a busy tenant is refused, and nothing starts while the daemon stops', async () => {
    const { post, stopping, get } = await api()
    const release = await holdDump('acme')
    const first = await post('/v1/tenants/acme/backups', {})
    expect(first.status).toBe(202)
    const second = await post('/v1/tenants/acme/backups', {})
    expect([second.status, second.json().code]).toEqual([409, 'subject-busy'])
    await release()
    await until(async () => (await get(`/v1/runs/${first.json().id}`)).json().outcome === 'succeeded')
    stopping.abort()
    expect((await post('/v1/tenants/acme/backups', {})).status).toBe(503)
  })
})

test('what is kept, why, and sweeping it; a verdict on a backup', async () => {
  const { post, get, ask, token, app, here } = await api()
  shipSchedule(here, 'retention')
  await app.reconfigure(loadConfig({ path: here.configFile }).config)
  await post('/v1/tenants/acme/backups', { wait: true })
  const verified = await post('/v1/tenants/acme/verifications', { level: 'read', wait: true })
  expect([verified.status, verified.json().facts]).toMatchObject([200, { level: 'read' }])
  const kept = await get('/v1/retention?tenant=acme')
  const [{ backups }] = kept.json().subjects
  expect(backups).toMatchObject([{ verdict: 'keep' }])
  expect((await post('/v1/sweeps', {})).status).toBe(403)
  const swept = await ask('POST', '/v1/sweeps', { as: token('admin'), body: { wait: true } })
  expect([swept.status, swept.json().facts]).toMatchObject([200, { removed: 0 }])
})

describe('an Idempotency-Key', () => {
  test('starts one run, however often and however much at once it is sent', async () => {
    const { post, app } = await api()
    const key = { 'idempotency-key': 'deploy-1' }
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => post('/v1/tenants/acme/backups', {}, key)),
    )
    const ids = new Set(answers.filter(one => one.status < 300).map(one => one.json().id))
    expect(ids.size).toBe(1)
    expect(answers.filter(one => one.status >= 300).every(one => one.json().code === 'subject-busy')).toBe(
      true,
    )
    await app.runner.idle()
    const again = await post('/v1/tenants/acme/backups', {}, key)
    expect([again.status, ids.has(again.json().id), again.json().outcome]).toEqual([200, true, 'succeeded'])
    expect(app.journal.runs({ job: 'backup' })).toHaveLength(1)
  })

  test("is refused for another request, is free after a start that was refused, and is its caller's own", async () => {
    const { post, ask, token, app } = await api()
    const key = { 'idempotency-key': 'k' }
    const release = await holdDump('acme')
    await post('/v1/tenants/acme/backups', {})
    expect((await post('/v1/tenants/acme/backups', {}, key)).status).toBe(409)
    await release()
    await app.runner.idle()
    expect((await post('/v1/tenants/acme/backups', { wait: true }, key)).status).toBe(200)
    const other = await post('/v1/tenants/globex/backups', { wait: true }, key)
    expect([other.status, other.json().code]).toEqual([422, 'key-reused'])
    const theirs = await ask('POST', '/v1/tenants/globex/backups', {
      as: token('operator'),
      body: { wait: true },
      headers: key,
    })
    expect(theirs.status).toBe(200)
  })

  test('survives a restart of the daemon', async () => {
    const { post, here } = await api()
    const key = { 'idempotency-key': 'k' }
    const first = (await post('/v1/tenants/acme/backups', { wait: true }, key)).json()
    await here.reopen()
    const again = await here.app.once.start(
      {
        who: 'operator  0',
        key: 'k',
        request: JSON.stringify(['POST', '/v1/tenants/acme/backups', { kind: 'manual', wait: true }]),
      },
      () => Promise.reject(new Error('it is not started again')),
    )
    expect(again.run).toBe(first.id)
  })
})

describe('events', () => {
  test("are taken up where they broke off, those of other processes too, and in the caller's scope", async () => {
    const { app, ask, token, stopping, server, here } = await api()
    const scoped = token('viewer', ['acme'])
    const event = (subject: string | null) =>
      app.journal.event({
        type: 'backup-started',
        run: null,
        subject: subject as never,
        facts: { kind: 'manual' },
      })
    const seqs = ['tenants/acme', 'tenants/globex', 'tenants/acme', null].map(event).map(one => one.seq)
    const base = await server.listen({ host: '127.0.0.1', port: 0 })
    const answer = await fetch(`${base}/v1/events`, {
      headers: { authorization: `Bearer ${scoped}`, 'last-event-id': String(seqs[0]) },
    })
    let text = ''
    const reading = (async () => {
      for await (const part of answer.body ?? []) text += Buffer.from(part).toString()
    })().catch(() => {})
    await until(() => text.includes(`id: ${seqs[2]}\n`))
    const { open } = await import('../kit/installation.js')
    const other = await open(here.configFile, {})
    const late = other.journal.event({
      type: 'backup-started',
      run: null,
      subject: 'tenants/acme' as never,
      facts: { kind: 'manual' },
    })
    await until(() => text.includes(`id: ${late.seq}\n`))
    await other.close()
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(match => Number(match[1]))).toEqual([seqs[2], late.seq])
    stopping.abort()
    await reading
    expect((await ask('GET', '/v1/events?after=x', { as: scoped })).status).toBe(400)
  })
})

describe('a restore', () => {
  test('is planned, started from its plan, and proven; the reason is kept', async () => {
    const { post, plan, get, app } = await api()
    await post('/v1/tenants/acme/backups', { wait: true })
    const made = await plan()
    expect(made).toMatchObject({
      approvedBy: null,
      run: null,
      plan: { inPlace: false, problems: [], backup: { rows: 1 } },
    })
    expect(Date.parse(made.expiresAt) - Date.parse(made.madeAt)).toBe(30 * 60_000)
    const done = await post('/v1/restores', { plan: made.id, reason: 'a row was lost', wait: true })
    expect([done.status, done.json()]).toMatchObject([
      200,
      { job: 'restore', outcome: 'succeeded', facts: { plan: made.id, reason: 'a row was lost' } },
    ])
    expect(await cluster.sql(made.plan.database, 'SELECT text FROM notes')).toEqual([{ text: 'x' }])
    expect((await get(`/v1/restores/plans/${made.id}`)).json().run).toBe(done.json().id)
    const again = await post('/v1/restores', { plan: made.id, reason: 'once more' })
    expect([again.status, again.json().code]).toEqual([409, 'plan-used'])
    expect(app.journal.auditLines({ limit: 2 })).toMatchObject([
      {
        action: 'restore',
        outcome: 'refused',
        detail: expect.stringMatching(/^plan .*: once more; plan-used: /),
      },
      {
        action: 'restore',
        outcome: 'allowed',
        target: 'tenants/acme',
        detail: `plan ${made.id}: a row was lost`,
      },
    ])
  })

  test('of what cannot be restored says so in the plan, and is refused', async () => {
    const { post, plan } = await api()
    await post('/v1/tenants/acme/backups', { wait: true })
    const made = await plan({ database: 'gmah_org_globex' })
    expect(made.plan.problems).toMatchObject([{ code: 'target-exists' }])
    const refused = await post('/v1/restores', { plan: made.id, reason: 'no way' })
    expect([refused.status, refused.json().code]).toEqual([409, 'target-exists'])
    const none = await post('/v1/restores/plans', { tenant: 'globex', database: 'x' })
    expect([none.status, none.json().code]).toEqual([404, 'backup-unknown'])
  })
})

test('the shell function of docs/api.md backs up before a migration, and stops a deploy when it cannot', async () => {
  const { server, as, app } = await api()
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const script = /```sh\n(backup_before_migration[\s\S]*?)```/.exec(readFileSync('docs/api.md', 'utf8'))?.[1]
  const deploy = (tenant: string) =>
    execa(
      'sh',
      ['-c', `${script}\nbackup_before_migration "$1" v43 || exit 1\necho migrated`, 'deploy', tenant],
      {
        env: { TOKEN: as, GMAH_BACKUP_URL: url },
        reject: false,
      },
    )
  expect((await deploy('acme')).stdout).toContain('migrated')
  expect(app.parts().catalogue.list({ limit: 1 })).toMatchObject([
    { kind: 'before-migration', label: 'before v43' },
  ])
  const failed = await deploy('nobody')
  expect([failed.exitCode, failed.stdout.includes('migrated')]).toEqual([1, false])
})

describe('archives', () => {
  test('are made, listed, looked into and verified', async () => {
    const { post, get, app } = await api()
    expect((await post('/v1/tenants/acme/backups', { wait: true })).json().outcome).toBe('succeeded')
    const made = await post('/v1/tenants/acme/archives', { month: '2026-12', wait: true })
    expect([made.status, made.json().outcome, made.json().facts]).toEqual([
      expect.any(Number),
      'succeeded',
      { archive: '2026-12', missing: 0 },
    ])
    const [listed] = (await get('/v1/archives')).json().archives
    expect(listed).toMatchObject({ subject: 'tenants/acme', name: '2026-12', indexed: true })
    expect((await get('/v1/tenants/acme/archives')).json().archives).toEqual([listed])
    const shown = (await get('/v1/tenants/acme/archives/latest')).json()
    expect(shown.contents.entries.map((one: { name: string }) => one.name)).toContain('database.dump')
    const verified = await post('/v1/tenants/acme/archives/2026-12/verify', { wait: true })
    expect(verified.json()).toMatchObject({ outcome: 'succeeded', facts: { members: 5 } })
    expect((await get('/v1/tenants/acme/archives/2020-01')).status).toBe(404)
    expect(app.journal.events({ types: ['archive-stored'] })).toHaveLength(1)
  })
})
