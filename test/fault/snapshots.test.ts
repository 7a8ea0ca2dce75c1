// One snapshot against everything that Hetzner's API is known to do: each ends with what exists there, what the store holds
// and what the journal says.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hetznerClient } from '../../src/hetzner/client.js'
import { readSheet } from '../../src/repository/sheets.js'
import { type SnapshotDesk, snapshotDesk } from '../kit/hetzner/desk.js'
import { type HetznerFault, occasions } from '../kit/hetzner/faults.js'
import { GOOD } from '../kit/hetzner/state.js'

let desk: SnapshotDesk
let app: number

beforeEach(async () => {
  desk = await snapshotDesk()
  app = desk.fake.project.addServer()
})
afterEach(async () => {
  expect(desk.fake.violations).toEqual([])
  await desk.close()
})

const CREATE = { method: 'POST', path: /create_image$/ }
const ours = () =>
  [...desk.fake.project.images.values()].filter(one => one.labels['managed-by'] === 'gmah-backup')
const sheets = () => [...desk.store.objects.keys()].filter(key => key.startsWith('platform/snapshots/'))
const posts = () => desk.fake.calls.filter(one => CREATE.path.test(one.path)).length

test('a week: labels, sheet, cost and duration; nothing else is touched', async () => {
  const { run, failure } = await desk.week()
  expect(failure).toBeNull()
  const [image] = ours()
  expect(image?.labels).toEqual({
    'managed-by': 'gmah-backup',
    'server-id': String(app),
    'run-id': run.id,
    schedule: 'server-snapshots',
  })
  const [key = ''] = sheets()
  expect(key).toMatch(/^platform\/snapshots\/gmah-app\/\d{8}T\d{6}\.\d{3}Z\.json\.age$/)
  const { repository } = desk.parts
  const sheet = await readSheet(repository.store, repository.keyring, key)
  expect(sheet).toMatchObject({
    server: {
      id: app,
      type: 'cpx22',
      location: 'fsn1',
      ipv4: { id: 501, ip: '203.0.113.10' },
      firewalls: [38],
    },
    image: { id: image?.id, sizeGb: 4.25, diskGb: 80 },
    price: { perGbMonth: 0.0143, costPerMonth: 0.0608, currency: 'EUR' },
    warnings: [],
  })
  expect(sheet.server.sshKeys[0]?.publicKey).toMatch(/^ssh-ed25519 /)
  expect(desk.events('snapshot-made')[0]?.facts).toMatchObject({ adopted: false, sizeGb: 4.25, sheet: key })
  expect(desk.events('snapshot-requested')[0]?.facts.label).toBe(run.id)
})

describe('an unclear answer makes no second snapshot', () => {
  const unclear: [string, HetznerFault][] = [
    ['503 after the side effect', { afterwards: { status: 503, code: 'unavailable' } }],
    ['504 after the side effect', { afterwards: { status: 504, code: 'timeout' } }],
    ['500 after the side effect', { afterwards: { status: 500, code: 'server_error' } }],
    ['a proxy that gives up after the side effect', { proxy: 504, when: 'after' }],
    ['a connection cut after the side effect', { cut: 'after' }],
  ]
  test.each(unclear)('%s', async (_name, fault) => {
    desk.fake.faults = occasions({ ...CREATE, fault })
    const { failure } = await desk.week()
    expect(failure).toBeNull()
    expect([ours().length, posts(), sheets().length]).toEqual([1, 1, 1])
    expect(desk.events('snapshot-made')[0]?.facts.adopted).toBe(true)
  })

  test('even when it is slow to appear in the listing', async () => {
    desk.fake.project.fate = () => ({ takesMs: 40 * 60_000, hiddenMs: 30 * 60_000, ends: 'available' })
    desk.fake.faults = occasions({ ...CREATE, fault: { cut: 'after' } })
    expect((await desk.week()).failure).toBeNull()
    expect([ours().length, posts()]).toEqual([1, 1])
  })

  test('and one that was not carried out is asked for again', async () => {
    desk.fake.faults = occasions({ ...CREATE, fault: { cut: 'before' } })
    expect((await desk.week()).failure).toBeNull()
    expect([ours().length, posts()]).toEqual([1, 2])
  })

  test('an answer that never comes', async () => {
    const { fake, clock } = desk
    desk.parts.hetzner = hetznerClient(
      { endpoint: fake.endpoint, token: fake.token },
      { clock, timeoutMs: 1_500 },
    )
    desk.fake.faults = occasions({ ...CREATE, fault: { hang: true } })
    expect((await desk.week()).failure).toBeNull()
    expect(ours().length).toBe(1)
  })
})

describe('a run that died after asking', () => {
  test.each([0, 60 * 60_000])('is finished by the next one, hidden for %s ms', async hiddenMs => {
    desk.fake.project.fate = () => ({ takesMs: 70 * 60_000, hiddenMs, ends: 'available' })
    const died = new AbortController()
    desk.fake.faults = call => {
      if (CREATE.path.test(call.path)) setTimeout(() => died.abort(), 0)
      return CREATE.path.test(call.path) ? { cut: 'after' } : null
    }
    expect((await desk.week({}, died.signal)).failure?.code).toBe('interrupted')
    desk.fake.faults = () => null
    expect((await desk.week()).failure).toBeNull()
    expect([ours().length, posts(), sheets().length]).toEqual([1, 1, 1])
    expect(desk.events('snapshot-made')).toHaveLength(1)
  })
})

test('a run that fails in pruning is done again without a second snapshot', async () => {
  for (let week = 0; week < 6; week++) {
    await desk.clock.advance(7 * 86_400_000)
    if (week === 5)
      desk.fake.faults = occasions({
        method: 'DELETE',
        times: 3,
        fault: { refuse: { status: 500, code: 'server_error' } },
      })
    expect((await desk.week()).run.outcome).toBe(week === 5 ? 'failed' : 'succeeded')
  }
  expect((await desk.week()).failure).toBeNull()
  expect([posts(), ours().length]).toEqual([6, 5])
})

describe('what Hetzner refuses', () => {
  test('423 n times is waited for', async () => {
    desk.fake.faults = occasions({ ...CREATE, times: 7, fault: { refuse: { status: 423, code: 'locked' } } })
    expect((await desk.week()).failure).toBeNull()
    expect(ours().length).toBe(1)
  })

  test.each<[string, HetznerFault, string]>([
    ['for ever locked', { refuse: { status: 423, code: 'locked' } }, 'server-locked'],
    ['no room', { refuse: { status: 403, code: 'resource_limit_exceeded' } }, 'snapshot-limit'],
    ['a code nobody knows', { refuse: { status: 422, code: 'unsupported_error' } }, 'hetzner-refused'],
  ])('%s: told by its code, nothing removed', async (_name, fault, code) => {
    for (let week = 0; week < 8; week++) {
      expect((await desk.week()).failure).toBeNull()
      await desk.clock.advance(7 * 86_400_000)
    }
    const before = ours().map(one => one.id)
    desk.fake.faults = occasions({ ...CREATE, times: 10_000, fault })
    const { failure, run } = await desk.week()
    expect([failure?.code, run.outcome]).toEqual([code, 'failed'])
    expect(failure?.hint).not.toBe('')
    expect(ours().map(one => one.id)).toEqual(before)
  })

  test('a full account is seen before anything is asked', async () => {
    desk.fake.project.addImage(app)
    expect((await desk.week({ limit: 1 })).failure?.code).toBe('snapshot-limit')
    expect(posts()).toBe(0)
  })

  test('a wrong and a read-only token', async () => {
    await desk.week()
    desk.fake.readOnly = true
    expect((await desk.week()).failure?.code).toBe('hetzner-readonly')
    expect(posts()).toBe(1)
    desk.fake.token = 'another'
    const { failure } = await desk.week()
    expect(failure?.code).toBe('hetzner-denied')
    expect(JSON.stringify([failure?.message, failure?.facts])).not.toContain('hetzner-test-token')
  })

  test('a limit that is used up is waited for, not hammered', async () => {
    desk.fake.budget = 2
    expect((await desk.week()).failure).toBeNull()
    expect(desk.fake.calls.length).toBeLessThan(60)
  })

  test('a server that is not there', async () => {
    const servers = [{ server: 'nobody', checkpoint: false, command: null, shutdown: false }]
    expect((await desk.week({ servers })).failure?.code).toBe('server-unknown')
  })
})

describe('a snapshot that goes wrong at Hetzner', () => {
  test.each(['error', 'unavailable', 'vanishes', 'never'] as const)('%s: another one is made', async ends => {
    let first = true
    desk.fake.project.fate = () => {
      const fate = first ? { ...GOOD, ends } : GOOD
      first = false
      return fate
    }
    expect((await desk.week()).failure).toBeNull()
    expect(ours().filter(one => one.status === 'available')).toHaveLength(1)
    expect(sheets()).toHaveLength(1)
  })

  test('again and again: the run fails and says so', async () => {
    desk.fake.project.fate = () => ({ ...GOOD, ends: 'error' })
    const { failure, run } = await desk.week()
    expect([run.outcome, failure?.code]).toEqual(['failed', 'snapshot-failed'])
    expect(desk.events('snapshot-failed')).toHaveLength(1)
  })
})

describe('pruning', () => {
  test('five weeks stay; kept, protected, foreign, other schedules’ and copied labels too; from several pages', async () => {
    const { project } = desk.fake
    const mine = {
      'managed-by': 'gmah-backup',
      'server-id': String(app),
      'run-id': 'a',
      schedule: 'server-snapshots',
    }
    const old = { created: '2025-06-01T06:00:00.000Z' }
    project.limit = 1000
    const foreign = Array.from({ length: 120 }, () => project.addImage(app))
    const stays = [
      project.addImage(app, { ...old, labels: { ...mine, keep: '' } }),
      project.addImage(app, { ...old, labels: mine, protection: { delete: true } }),
      project.addImage(app, { ...old, labels: { ...mine, schedule: 'manual' } }),
      project.addImage(app, { ...old, labels: mine, created_from: { id: 9, name: 'another' } }),
    ]
    for (let week = 0; week < 9; week++) {
      expect((await desk.week({ limit: 1000 })).failure).toBeNull()
      await desk.clock.advance(7 * 86_400_000)
    }
    const there = new Set(project.images.keys())
    expect([...foreign, ...stays].every(one => there.has(one.id))).toBe(true)
    expect(project.made.filter(one => there.has(one.id))).toEqual(project.made.slice(-5))
    expect(desk.events('snapshot-removed')).toHaveLength(4)
    expect(desk.events('snapshot-removed')[0]?.facts.reasons[0]).toMatch(/week/)
  })

  const given: [string, { labels?: Record<string, string>; protection?: { delete: boolean } }][] = [
    ['the label keep', { labels: { keep: '' } }],
    ['a protection of someone else', { protection: { delete: true } }],
    ['another owner', { labels: { 'managed-by': 'someone' } }],
  ]
  test.each(given)('one that gets %s after the listing stays', async (_what, gets) => {
    const { project } = desk.fake
    for (let week = 0; week < 5; week++) {
      expect((await desk.week()).failure).toBeNull()
      await desk.clock.advance(7 * 86_400_000)
    }
    const oldest = project.made[0]!
    desk.fake.faults = call => {
      if (call.method === 'GET' && call.path.endsWith(`/images/${oldest.id}`)) {
        Object.assign(oldest.labels, gets.labels)
        Object.assign(oldest.protection, gets.protection)
      }
      return null
    }
    expect((await desk.week()).failure).toBeNull()
    expect(project.images.has(oldest.id)).toBe(true)
    expect(desk.events('snapshot-removed')).toEqual([])
  })

  test('protection of our own making is lifted when the time has come', async () => {
    for (let week = 0; week < 7; week++) {
      expect((await desk.week({ protect: true })).failure).toBeNull()
      await desk.clock.advance(7 * 86_400_000)
    }
    expect(ours().map(one => one.protection.delete)).toEqual([true, true, true, true, true])
  })
})
