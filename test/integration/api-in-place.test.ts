// A tenant put back in place through curl alone, as docs/api.md says it; undone, done again; meant, and approved by a second person.

import { readFileSync } from 'node:fs'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi } from '../kit/api.js'
import { apiPage } from '../kit/api-page.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startPlatform()
})
afterAll(() => cluster.stop())

async function tenant(name: string, config: Record<string, unknown> = {}) {
  await cluster.createDatabase({
    name: `gmah_org_${name}`,
    sql: 'CREATE TABLE notes AS SELECT generate_series(1, 100) AS id',
  })
  const opened = await openApi(cluster.target, { config })
  const [maria, jan] = [opened.token('operator'), opened.token('operator')]
  const post = (as: string, url: string, body: object) => opened.ask('POST', url, { as, body })
  expect((await post(maria, `/v1/tenants/${name}/backups`, { wait: true })).status).toBe(200)
  const rows = async () =>
    (await cluster.sql<{ n: number }>(`gmah_org_${name}`, 'SELECT count(*)::int AS n FROM notes'))[0]?.n
  const plan = async () => (await post(maria, '/v1/restores/plans', { tenant: name, database: null })).json()
  return { ...opened, maria, jan, post, rows, plan }
}

test('by curl, as the page says: wrecked, put back, undone, put back again', async () => {
  const { server, maria, rows, app } = await tenant('acme')
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const { putBack, undo } = apiPage(() => ({ TOKEN: maria, GMAH_BACKUP_URL: url }))
  await cluster.sql('gmah_org_acme', 'DELETE FROM notes WHERE id > 10')
  const first = await putBack('one')
  expect(first).toMatchObject({
    outcome: 'succeeded',
    trigger: 'api',
    facts: { reason: 'ticket 4711: rows deleted' },
  })
  expect(first.facts.downtimeMs).toBeGreaterThan(0)
  expect(await rows()).toBe(100)
  const undone = await undo(first.id)
  expect(undone).toMatchObject({
    job: 'restore-undo',
    outcome: 'succeeded',
    facts: { undone: first.id, reason: 'wrong day' },
  })
  expect(await rows()).toBe(10)
  expect(await putBack('two')).toMatchObject({ outcome: 'succeeded' })
  expect(await rows()).toBe(100)
  expect(app.journal.auditLines({ limit: 3 }).map(line => [line.action, line.target, line.outcome])).toEqual([
    ['restore', 'tenants/acme', 'allowed'],
    ['restore plan', 'tenants/acme', 'allowed'],
    ['restore undo', 'tenants/acme', 'allowed'],
  ])
})

test('by curl, as the playbook says, from another machine', async () => {
  const { server, maria, rows } = await tenant('stark')
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const page = readFileSync('restore-playbooks/tenant-in-place.md', 'utf8').replaceAll('"acme"', '"stark"')
  const [define, plan, restore] = [...page.matchAll(/^ {4}(api.*)$/gm)].map(match => match[1] as string)
  const sh = async (command = '') => {
    const env = { TOKEN: maria, GMAH_BACKUP_URL: url }
    return JSON.parse((await execa('sh', ['-c', `${define}\n${command}`], { env })).stdout)
  }
  await cluster.sql('gmah_org_stark', 'DROP TABLE notes')
  expect(await sh(restore?.replace('PLAN', (await sh(plan)).id))).toMatchObject({ outcome: 'succeeded' })
  expect(await rows()).toBe(100)
})

test('not without the name typed out, nor from a plan of another database of that name', async () => {
  const { maria, post, plan, rows } = await tenant('globex')
  const made = await plan()
  expect(made.plan).toMatchObject({ inPlace: true, database: 'gmah_org_globex', problems: [] })
  for (const confirm of [undefined, 'Globex', 'acme']) {
    const refused = await post(maria, '/v1/restores', { plan: made.id, reason: 'a reason', confirm })
    expect([refused.status, refused.json().code]).toEqual([409, 'confirmation-missing'])
  }
  await cluster.sql('postgres', 'DROP DATABASE gmah_org_globex')
  await cluster.createDatabase({ name: 'gmah_org_globex', sql: 'CREATE TABLE notes (id int)' })
  const stale = await post(maria, '/v1/restores', { plan: made.id, reason: 'a reason', confirm: 'globex' })
  expect([stale.status, stale.json().code]).toEqual([409, 'plan-stale'])
  expect(await rows()).toBe(0)
})

test('with approval required, by a second person and not by the one who starts it', async () => {
  const { maria, jan, post, plan, rows, ask, token, here } = await tenant('initech', {
    api: { approval: 'required' },
  })
  await cluster.sql('gmah_org_initech', 'DELETE FROM notes')
  const { id } = await plan()
  const start = (as: string) =>
    post(as, '/v1/restores', { plan: id, reason: 'rows deleted', confirm: 'initech', wait: true })
  const approve = (as: string) => ask('POST', `/v1/restores/plans/${id}/approvals`, { as })
  const codeOf = async (answer: ReturnType<typeof start>) => [
    (await answer).status,
    (await answer).json().code,
  ]
  expect(await codeOf(start(maria))).toEqual([403, 'approval-missing'])
  expect(here.events('restore-waiting')).toMatchObject([
    { subject: 'tenants/initech', facts: { plan: id, who: 'operator  0', reason: 'rows deleted' } },
  ])
  await approve(maria)
  expect(await codeOf(start(maria))).toEqual([403, 'approval-missing'])
  expect(await codeOf(approve(token('viewer')))).toEqual([403, 'forbidden'])
  expect(await codeOf(approve(token('operator', ['acme'])))).toEqual([403, 'forbidden'])
  const approved = await approve(jan)
  expect([approved.status, approved.json().approvedBy]).toEqual([200, 'operator  1'])
  expect(await rows()).toBe(0)
  const done = await start(maria)
  expect([done.status, done.json().facts]).toMatchObject([
    200,
    { approvedBy: 'operator  1', who: 'operator  0' },
  ])
  expect(await rows()).toBe(100)
})

test('with approval required, a playbook that restores in place waits for a second person', async () => {
  const { ask, token, rows, here } = await tenant('hooli', { api: { approval: 'required' } })
  const [maria, jan] = [token('admin'), token('admin')]
  await cluster.sql('gmah_org_hooli', 'DELETE FROM notes')
  const body = { set: { tenant: 'hooli' }, confirm: 'hooli', wait: true }
  const started = await ask('POST', '/v1/playbooks/tenant-in-place/runs', { as: maria, body })
  const { id, outcome } = started.json()
  expect([started.status, outcome, await rows()]).toEqual([200, 'partial', 0])
  expect(here.events('playbook-waiting')).toMatchObject([{ facts: { id } }])
  const goOn = (verb: string, as: string) =>
    ask('POST', `/v1/playbook-runs/${id}/${verb}`, { as, body: { wait: true } })
  const refused = await goOn('approve', maria)
  expect([refused.status, refused.json().code]).toEqual([403, 'approval-missing'])
  expect((await goOn('resume', maria)).json().outcome).toBe('partial')
  expect(await rows()).toBe(0)
  const approved = await goOn('approve', jan)
  expect([approved.status, approved.json().outcome]).toEqual([200, 'succeeded'])
  expect(await rows()).toBe(100)
})

test('some tables: beside, or into a schema of the live database, as planned', async () => {
  const { maria, post, rows } = await tenant('soylent')
  const plan = (more: object) =>
    post(maria, '/v1/restores/plans', { tenant: 'soylent', tables: ['notes'], database: null, ...more })
  for (const wrong of [
    {},
    { intoSchema: 'x', database: 'y' },
    { intoSchema: 'x', tables: undefined },
    { archive: '2026-11' },
  ])
    expect((await plan(wrong)).json().code).toBe('usage')
  const made = await plan({ intoSchema: 'before' })
  expect(made.json().plan).toMatchObject({
    ...{ inPlace: false, database: 'gmah_org_soylent', intoSchema: 'before', problems: [] },
    part: { tables: [{ schema: 'public', name: 'notes', rows: 100 }], rows: 100 },
  })
  await cluster.sql('gmah_org_soylent', 'DELETE FROM notes')
  const start = (id: string) => post(maria, '/v1/restores', { plan: id, reason: 'rows deleted', wait: true })
  const done = await start(made.json().id)
  expect([done.status, done.json().facts]).toMatchObject([200, { partial: true, reason: 'rows deleted' }])
  expect(await rows()).toBe(0)
  const counted = (database: string, table: string) =>
    cluster.sql(database, `SELECT count(*)::int AS n FROM ${table}`)
  expect(await counted('gmah_org_soylent', 'before.notes')).toEqual([{ n: 100 }])
  const beside = await plan({ database: 'soylent_notes' })
  expect((await start(beside.json().id)).status).toBe(200)
  expect(await counted('soylent_notes', 'notes')).toEqual([{ n: 100 }])
  expect((await plan({ intoSchema: 'before' })).json().plan.problems).toMatchObject([
    { code: 'target-exists' },
  ])
})

test('out of a monthly archive, as planned', async () => {
  const { maria, post } = await tenant('cyberdyne')
  const archived = await post(maria, '/v1/tenants/cyberdyne/archives', { month: '2026-11', wait: true })
  expect(archived.status).toBe(200)
  const asked = { tenant: 'cyberdyne', archive: 'latest', database: 'cyberdyne_2026_11' }
  const made = (await post(maria, '/v1/restores/plans', asked)).json()
  expect(made.plan).toMatchObject({ archive: '2026-11', inPlace: false, backup: { rows: 100 }, problems: [] })
  const done = await post(maria, '/v1/restores', { plan: made.id, reason: 'an audit asks', wait: true })
  expect([done.status, done.json().facts]).toMatchObject([200, { archive: '2026-11', plan: made.id }])
  expect(await cluster.sql('cyberdyne_2026_11', 'SELECT count(*)::int AS n FROM notes')).toEqual([{ n: 100 }])
  const again = (await post(maria, '/v1/restores/plans', asked)).json()
  expect(again.plan.problems).toMatchObject([{ code: 'target-exists' }])
})

test('playbooks are read, run and meant', async () => {
  const { ask, token, maria, rows } = await tenant('umbrella')
  const as = token('admin')
  const { playbooks } = (await ask('GET', '/v1/playbooks', { as: maria })).json()
  const inPlace = playbooks.find((one: { steps: string[]; name: string }) => /in-place/.test(one.name))
  expect((await ask('GET', `/v1/playbooks/${inPlace.name}`, { as: maria })).json()).toEqual(inPlace)
  const run = (more: object, token = as) =>
    ask('POST', `/v1/playbooks/${inPlace.name}/runs`, {
      as: token,
      body: { set: { tenant: 'umbrella' }, wait: true, ...more },
    })
  await cluster.sql('gmah_org_umbrella', 'DELETE FROM notes')
  expect((await run({ confirm: 'umbrella' }, maria)).status).toBe(403)
  expect((await run({})).json().code).toBe('confirmation-missing')
  expect((await run({ set: { who: 'umbrella' } })).json().code).toBe('usage')
  const started = await run({ confirm: 'umbrella' })
  expect([started.status, started.json()]).toMatchObject([200, { job: 'playbook' }])
  const { runs } = (await ask('GET', '/v1/playbook-runs', { as })).json()
  expect(runs).toMatchObject([{ id: started.json().id, playbook: inPlace.name }])
  if (runs[0].state === 'waiting')
    expect(
      (await ask('POST', `/v1/playbook-runs/${runs[0].id}/approve`, { as, body: { wait: true } })).status,
    ).toBe(200)
  expect(await rows()).toBe(100)
  const sound = await ask('POST', '/v1/checks', { as, body: { read: 'all', wait: true } })
  expect([sound.status, sound.json().outcome]).toEqual([200, 'succeeded'])
})
