// One tenant's failure is one tenant's failure: the others are backed up, the run is partial, and says so loudly.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connection.js'
import { type Scene, setScene } from '../kit/disaster.js'

const TENANTS = ['a', 'b', 'c', 'd', 'e']
const ALL = ['platform/globals', 'platform/master', ...TENANTS.map(name => `tenants/${name}`)]
let scene: Scene
beforeAll(async () => {
  scene = await setScene(TENANTS, { rows: 100 })
})
afterAll(() => scene.end())
afterEach(() => scene.tools.straighten())

const but = (subject: string) => ALL.filter(one => one !== subject)

test('a dump that breaks', async () => {
  const { here, tools, manifests, told } = scene
  tools.twist('pg_dump', { database: 'gmah_org_c', exit: 1 })
  const { failure, run, report } = await here.night()
  expect(failure).toBeNull()
  expect(run.facts).toMatchObject({ succeeded: 6, failed: 1 })
  expect(told()).toEqual({
    outcome: 'partial',
    error: null,
    committed: but('tenants/c'),
    failed: { 'tenants/c': 'dump-failed' },
  })
  for (const subject of ALL) expect(manifests(subject)).toHaveLength(subject === 'tenants/c' ? 0 : 1)
  expect(report?.failed.map(one => one.subject)).toEqual(['tenants/c'])
})

test('the operator is told: exit code 3, the message, the hint, for people and for machines', async () => {
  const { here, tools } = scene
  tools.twist('pg_dump', { database: 'gmah_org_c', exit: 1 })
  const { exitCode, stdout, stderr } = await here.cli('backup')
  expect(exitCode).toBe(3)
  expect(stderr).toMatch(/^FAILED {2}c: pg_dump of "gmah_org_c" ended with exit code 1.* \[dump-failed]$/m)
  expect(stderr).toMatch(/^ +hint: see what pg_dump said/m)
  expect(stdout).toMatch(/^FAILED c \[dump-failed]$/m)
  expect(stdout).toMatch(/6 backed up .* 1 failed$/)
  const { exitCode: same, stdout: json } = await here.cli('backup', '--json')
  expect(same).toBe(3)
  expect(JSON.parse(json).failed).toEqual([
    {
      subject: 'tenants/c',
      code: 'dump-failed',
      message: expect.stringContaining('exit code 1'),
      hint: expect.stringContaining('run the backup again'),
    },
  ])
})

test('a lock that is never granted: a lock timeout, one retry, and no waiting for the others', async () => {
  const { here, cluster, tools, manifests, told } = scene
  const [before, calls] = [manifests('tenants/b').length, tools.calls('pg_dump', 'gmah_org_b')]
  const blocker = await connect(cluster.target, 'gmah_org_b')
  try {
    await blocker.run('BEGIN; LOCK TABLE public.items IN ACCESS EXCLUSIVE MODE')
    const { run, report } = await here.night()
    expect(told(run.id)).toEqual({
      outcome: 'partial',
      error: null,
      committed: but('tenants/b'),
      failed: { 'tenants/b': 'lock-timeout' },
    })
    expect(tools.calls('pg_dump', 'gmah_org_b') - calls).toBe(2)
    expect(manifests('tenants/b')).toHaveLength(before)
    expect(report?.failed[0]?.failure).toMatchObject({
      message: expect.stringContaining('pg_dump of "gmah_org_b" ended with exit code 1'),
      hint: expect.stringContaining('look at pg_stat_activity'),
    })
    const causes = here.events('backup-failed').at(-1)?.facts
    expect(JSON.stringify(causes)).toContain('LOCK TABLE')
  } finally {
    await blocker.close()
  }
  expect(await here.night()).toMatchObject({ run: { outcome: 'succeeded' } })
})

test('no dump at all is a failed run that tells how many and the first reason', async () => {
  const { here, tools, told } = scene
  for (const program of ['pg_dump', 'pg_dumpall'] as const) tools.twist(program, { bytes: '', exit: 1 })
  const { failure, run } = await here.night()
  expect(failure).toMatchObject({ code: 'partial', message: 'none of 7 subjects was backed up' })
  expect(told(run.id)).toMatchObject({ outcome: 'failed', error: 'partial', committed: [] })
  expect(Object.values(told(run.id).failed)).toHaveLength(7)
})

test('a globals script that ends early is not taken for whole', async () => {
  const { here, tools, manifests, told } = scene
  const before = manifests('platform/globals')
  tools.twist('pg_dumpall', { pass: 300, exit: 0 })
  const { run, report } = await here.night()
  expect(told(run.id)).toEqual({
    outcome: 'partial',
    error: null,
    committed: but('platform/globals'),
    failed: { 'platform/globals': 'dump-invalid' },
  })
  expect(report?.failed[0]?.failure.message).toContain('ends before its closing line')
  expect(manifests('platform/globals')).toEqual(before)
})
