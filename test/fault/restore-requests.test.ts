// Requests to restore that come too late, or twice: what was shown must still be true, and one request is one restore.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi } from '../kit/api.js'
import { type Cluster, randomName, startPlatform } from '../kit/cluster.js'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startPlatform({ acme: 'CREATE TABLE notes AS SELECT 1 AS id' })
})
afterAll(() => cluster.stop())

const api = async () => {
  const opened = await openApi(cluster.target)
  const as = opened.token('operator')
  const post = (url: string, body: object, headers: Record<string, string> = {}) =>
    opened.ask('POST', url, { as, body, headers })
  const plan = async () =>
    (await post('/v1/restores/plans', { tenant: 'acme', database: randomName('restored') })).json()
  return { ...opened, post, plan }
}

test.each([
  [
    'a newer backup',
    async (post: (url: string, body: object) => Promise<unknown>) =>
      void (await post('/v1/tenants/acme/backups', { wait: true })),
  ],
  [
    'another owner of the database',
    () => cluster.sql('postgres', 'ALTER DATABASE gmah_org_acme CONNECTION LIMIT 7'),
  ],
  ['a database of that name', (_: unknown, name: string) => cluster.createDatabase({ name })],
])('a plan that is stale is refused, and nothing is begun: %s', async (_, change) => {
  const { post, plan, app } = await api()
  await cluster.sql('postgres', 'ALTER DATABASE gmah_org_acme CONNECTION LIMIT -1')
  await post('/v1/tenants/acme/backups', { wait: true })
  const made = await plan()
  await change(post, made.plan.database)
  const late = await post('/v1/restores', { plan: made.id, reason: 'too late' })
  expect([late.status, late.json().code]).toEqual([409, 'plan-stale'])
  expect(app.journal.events({ types: ['restore-started'] })).toEqual([])
  expect(app.journal.auditLines({ limit: 1 })).toMatchObject([
    { action: 'restore', outcome: 'refused', detail: expect.stringContaining('plan-stale') },
  ])
})

test('a request sent again under its key is one restore, also when the answer was lost', async () => {
  const { post, plan, app } = await api()
  await post('/v1/tenants/acme/backups', { wait: true })
  const made = await plan()
  const body = { plan: made.id, reason: 'lost answer', wait: true }
  const key = { 'idempotency-key': 'restore-1' }
  const first = (await post('/v1/restores', body, key)).json()
  const again = await post('/v1/restores', body, key)
  expect([again.status, again.json().id]).toEqual([200, first.id])
  expect(app.journal.runs({ job: 'restore' })).toHaveLength(1)
  expect(app.journal.events({ types: ['restore-finished'] })).toHaveLength(1)
  const other = await post('/v1/restores', { ...body, reason: 'another' }, key)
  expect([other.status, other.json().code]).toEqual([422, 'key-reused'])
  // Nor is it another one without the key, though all is as it was when it was planned.
  await cluster.sql('postgres', `DROP DATABASE "${made.plan.database}"`)
  expect((await post('/v1/restores', body)).json().code).toBe('plan-used')
  expect(app.journal.runs({ job: 'restore' }).filter(run => run.outcome === 'succeeded')).toHaveLength(1)
})
