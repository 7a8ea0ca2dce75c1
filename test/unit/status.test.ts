// The status page as pure functions: who is outside which window, worst first, and that nothing bad is cut off.
import { describe, expect, test } from 'vitest'
import { archivesSection, snapshotsSection } from '../../src/cli/status-layers.js'
import { tenantsSection } from '../../src/cli/status-tenants.js'
import type { Config } from '../../src/domain/configuration.js'
import { Failure } from '../../src/domain/errors.js'
import type { BackupId } from '../../src/domain/ids.js'
import { ageText } from '../../src/domain/quantity.js'
import { GLOBALS, type SubjectId } from '../../src/domain/subject.js'
import { verdictsOf } from '../../src/domain/verdicts.js'
import type { Hetzner } from '../../src/hetzner/client.js'
import type { Run } from '../../src/jobs/journal-rows.js'
import type { ScheduleStatus } from '../../src/jobs/scheduler.js'
import { judge, type SubjectFacts, worstFirst } from '../../src/jobs/status-judgement.js'
import { archiveLayer, snapshotLayer } from '../../src/jobs/status-layers.js'
import { judgeSchedules } from '../../src/jobs/status-schedules.js'
import { fillJournal } from '../kit/metrics.js'
import { openState } from '../kit/state.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW = Date.parse('2026-11-23T12:00:00Z')
const WINDOWS = { backupMs: 27 * HOUR, proofMs: 7 * DAY }
const NEWEST = 'aaaaaaaaaaaa' as BackupId
const OLDER = 'bbbbbbbbbbbb' as BackupId

const facts = (more: Partial<SubjectFacts> = {}): SubjectFacts => ({
  subject: 'tenants/acme' as SubjectId,
  living: true,
  newest: { id: NEWEST, instantMs: NOW - 10 * HOUR, bytes: 1e6 },
  latest: NEWEST,
  firstMs: NOW - 90 * DAY,
  provenAtMs: NOW - DAY,
  broken: [],
  storedBytes: 1e6,
  expectedSeconds: 60,
  ...more,
})
const troubles = (more: Partial<SubjectFacts>, windows: Parameters<typeof judge>[1] = WINDOWS) =>
  judge(facts(more), windows, NOW).troubles

describe('a subject is outside its windows when', () => {
  const late = { id: NEWEST, instantMs: NOW - 28 * HOUR, bytes: 1 }
  test.each<[string, Partial<SubjectFacts>, string[]]>([
    ['never: all is well', {}, []],
    ['it has no backup', { newest: null, latest: null, firstMs: null, provenAtMs: null }, ['no backup']],
    ['all it has is broken', { newest: null }, ['every backup broken']],
    ['its newest backup is late', { newest: late }, ['backup late']],
    ['its database is gone by accident', { living: false, wanted: true }, ['database gone']],
    [
      'its database is gone by accident, and all it has is broken',
      { living: false, wanted: true, newest: null },
      ['database gone', 'every backup broken'],
    ],
    ['its proof is too old', { provenAtMs: NOW - 8 * DAY }, ['proof too old']],
    ['it was never proven in all that time', { provenAtMs: null }, ['proof too old']],
    ['the proof of its newest failed', { broken: [{ id: NEWEST, level: 'restore' }] }, ['proof failed']],
    ['its newest does not read back', { broken: [{ id: NEWEST, level: 'read' }] }, ['newest backup broken']],
    ['an older one is broken', { broken: [{ id: OLDER, level: 'restore' }] }, ['older backup broken']],
    ['several: the worst first', { newest: late, provenAtMs: null }, ['backup late', 'proof too old']],
  ])('%s', (_what, more, expected) => {
    expect(troubles(more)).toEqual(expected)
  })

  test('a new tenant has as long as any other to be proven, and one that is gone needs no newer backup', () => {
    expect(troubles({ provenAtMs: null, firstMs: NOW - 6 * DAY })).toEqual([])
    const old = { newest: { id: NEWEST, instantMs: NOW - 30 * DAY, bytes: 1 } }
    expect(troubles({ ...old, living: false })).toEqual([])
    expect(troubles({ ...old, living: null })).toEqual(['backup late'])
  })

  test('what is not scheduled is not judged', () => {
    expect(troubles({ provenAtMs: null }, { backupMs: null, proofMs: null })).toEqual([])
  })
})

test('worst first: by what it means for a recovery, then by how much would be lost', () => {
  const named = (name: string, more: Partial<SubjectFacts>) =>
    judge(facts({ subject: `tenants/${name}` as SubjectId, ...more }), WINDOWS, NOW)
  const aged = (hours: number) => ({ newest: { id: NEWEST, instantMs: NOW - hours * HOUR, bytes: 1 } })
  const list = [
    named('fine', {}),
    named('late', aged(30)),
    named('later', aged(40)),
    named('none', { newest: null, latest: null }),
    named('broken', { broken: [{ id: NEWEST, level: 'read' }] }),
  ]
  expect(list.sort(worstFirst).map(one => one.subject.slice('tenants/'.length))).toEqual([
    'none',
    'broken',
    'later',
    'late',
    'fine',
  ])
})

test('the page cuts off what is fine, never what is not', () => {
  const many = Array.from({ length: 40 }, (_, at) =>
    judge(
      facts({ subject: `tenants/t${at}` as SubjectId, ...(at < 30 ? { provenAtMs: null } : {}) }),
      WINDOWS,
      NOW,
    ),
  ).sort(worstFirst)
  const storedCost = { amount: 0.6, currency: 'USD' }
  const status = { windows: WINDOWS, subjects: many, problems: [], storedCost }
  const section = tenantsSection(status, 20, null)
  expect(section.title).toBe('30 of 40 subjects outside a window (backup within 27h, proof within 7d)')
  expect(section.lines[0]?.match(/^BAD/gm)).toHaveLength(30)
  expect(section.lines[1]).toBe('and 10 more inside every window; --all shows them')
  expect(section.lines[2]).toBe('in store: 40.0 MB, about 0.60 USD a month')
})

describe('what to type', () => {
  const page = (list: Partial<SubjectFacts>[], problems: Failure[] = [], proofMs = 7 * DAY) =>
    tenantsSection(
      {
        windows: { backupMs: 27 * HOUR, proofMs },
        subjects: list.map(one => judge(facts(one), WINDOWS, NOW)),
        problems,
        storedCost: { amount: 0, currency: 'USD' },
      },
      20,
      null,
    )
  const named = (name: string) => ({ subject: `tenants/${name}` as SubjectId })
  const none = { newest: null, latest: null, firstMs: null, provenAtMs: null }

  test('by what is worst of each, for a shell', () => {
    const broken = { newest: null, broken: [{ id: NEWEST, level: 'read' as const }] }
    const { lines } = page([
      { ...named('a'), ...broken },
      { ...named('O%27Neill%20%26%20Co'), ...none },
      { ...named('b'), provenAtMs: NOW - 8 * DAY },
      named('fine'),
    ])
    expect(lines.filter(line => line.startsWith('type: '))).toEqual([
      'type: gmah-backup check a',
      "type: gmah-backup backup 'O'\\''Neill & Co'",
      'type: gmah-backup verify b',
    ])
    const many = page([named('fine'), ...['a', 'b', 'c', 'd'].map(name => ({ ...named(name), ...none }))])
    expect(many.lines.at(-1)).toBe('type: gmah-backup backup')
    expect(page([named('fine')]).lines.join()).not.toContain('type')
  })

  test('a database that the platform still names comes before all else, and how it comes back', () => {
    const gone = { ...named('a'), living: false, wanted: true }
    expect(judge(facts(gone), WINDOWS, NOW).troubles).toEqual(['database gone'])
    const { lines } = page([gone, { ...named('left'), living: false }])
    expect(lines[0]).toMatch(/^BAD +a +database gone +2026.*\nok +left +not on the server any more +2026/m)
    expect(lines.at(-1)).toBe('type: gmah-backup restore a --in-place')
  })

  test('a database that is there and left out is not gone: BAD while the platform names it', () => {
    const shut = { living: false, leftOut: 'refuses connections' }
    const { lines } = page([
      { ...named('a'), ...shut, wanted: true },
      { ...named('left'), ...shut },
    ])
    expect(lines[0]).toMatch(
      /^BAD +a +not backed up: refuses connections +2026.*\nok +left +left out: refuses connections +2026/m,
    )
    expect(lines.at(-1)).toBe('type: gmah-backup tenants')
  })

  test('a lost catalogue does not look like a platform that was never backed up', () => {
    expect(page([{ ...named('a'), ...none }]).lines.at(-1)).toContain('gmah-backup catalogue rebuild')
  })

  test('a server that cannot be looked at comes first; a window of many days is read in days', () => {
    const { title, lines } = page([named('fine')], [new Failure('postgres-unreachable', 'away')], 204 * HOUR)
    expect(lines[0]).toMatch(/^LOOK AT THIS: away/)
    expect(title).toContain('(backup within 27h, proof within 8d 12h)')
  })
})

describe('a schedule is outside its window when', () => {
  const run = (hoursAgo: number, outcome = 'succeeded') =>
    ({
      startedAt: new Date(NOW - hoursAgo * HOUR),
      finishedAt: new Date(NOW - hoursAgo * HOUR),
      outcome,
    }) as Run
  const status = (more: Partial<ScheduleStatus>) =>
    ({
      schedule: { name: 'nightly', job: 'backup-all', freshnessWindowMs: 27 * HOUR },
      paused: false,
      next: null,
      lastRun: null,
      lastSuccess: null,
      ...more,
    }) as ScheduleStatus
  test.each<[string, Partial<ScheduleStatus>, string | null]>([
    ['never: it succeeded in time', { lastRun: run(1), lastSuccess: run(1) }, null],
    ['never: it has not run yet', {}, null],
    ['it only ever failed', { lastRun: run(1, 'failed') }, 'never succeeded'],
    [
      'its last success is too old',
      { lastRun: run(1, 'partial'), lastSuccess: run(30) },
      'last success 30 h ago',
    ],
    ['and paused', { paused: true, lastSuccess: run(30) }, 'last success 30 h ago, and it is paused'],
  ])('%s', (_what, more, trouble) => {
    expect(judgeSchedules([status(more)], new Date(NOW))).toMatchObject([{ trouble }])
  })
})

describe('the layers below', () => {
  const status = (job: string, more: Partial<ScheduleStatus> = {}) =>
    ({
      schedule: { name: 'monthly', job, freshnessWindowMs: DAY },
      ...{ paused: false, next: new Date('2026-12-01T04:30:00Z'), lastRun: null, lastSuccess: null },
      ...more,
    }) as ScheduleStatus
  const known = () => {
    const state = openState()
    const digest = { pricePerGbMonth: 0.015, currency: 'USD' }
    return { ...state, hetzner: null, config: { alerts: { digest } } as Config }
  }
  const text = ({ title, lines }: { title: string; lines: string[] }) => [title, ...lines].join('\n')

  test('that are off say why, and what was made all the same is shown', () => {
    const parts = known()
    const now = new Date(NOW)
    expect(text(archivesSection(archiveLayer(parts, [], []), now, null))).toBe(
      'monthly archives: off, no schedule has `job: archive-tenants`',
    )
    const paused = [status('archive-tenants', { paused: true, next: null })]
    expect(archiveLayer(parts, paused, []).off).toBe('paused: `gmah-backup schedules resume monthly`')
    expect(snapshotLayer(parts, []).off).toMatch(/^no hetzner.token_file/)
    const client = { ...parts, hetzner: {} as Hetzner }
    expect(snapshotLayer(client, []).off).toBe('no schedule has `job: snapshot-servers`')
    fillJournal(parts, 'tenants/acme' as SubjectId)
    expect(text(snapshotsSection(snapshotLayer(client, [status('snapshot-servers')]), now, null))).toBe(
      [
        'server snapshots, next 2026-12-01 04:30:00Z',
        'server  newest  made                   age  size  a month, net  took',
        'vps     2       2026-11-22 00:00:00Z  36 h  3 GB      0.50 EUR  1 min 0 s',
      ].join('\n'),
    )
  })

  test('archives: the newest month with its age, size and cost, and who has none of it', () => {
    const parts = known()
    fillJournal(parts, 'tenants/acme' as SubjectId)
    const subjects = [
      facts({ subject: 'tenants/acme' as SubjectId }),
      facts({ subject: 'tenants/globex' as SubjectId }),
      facts({ subject: 'tenants/gone' as SubjectId, living: false }),
      facts({ subject: 'tenants/young' as SubjectId, firstMs: NOW + DAY }),
      facts({ subject: GLOBALS }),
    ]
    const layer = archiveLayer(parts, [status('archive-tenants')], subjects)
    expect(layer).toMatchObject({
      off: null,
      newest: { month: '2026-10', subjects: 1, bytes: 8, missingFiles: 1, currency: 'USD' },
      without: ['tenants/globex'],
    })
    expect(archiveLayer(parts, [], subjects).without).toEqual([])
    expect(text(archivesSection(layer, new Date(NOW + 9 * DAY), null))).toBe(
      [
        'monthly archives, next 2026-12-01 04:30:00Z',
        'newest   made                  age  tenants  size     a month',
        '2026-10  2026-11-23 12:00:00Z  9 d        1   8 B  < 0.01 USD  1 file missing',
        'without one of 2026-10: globex',
      ].join('\n'),
    )
  })
})

test('ages are read at a glance', () => {
  expect([45, 600, 26 * 3600, 9 * 86_400].map(ageText)).toEqual(['45 s', '10 min', '26 h', '9 d'])
})

test('verdicts: a restore says the lower levels too, and a failure stands until as deep a look passes', () => {
  const proof = (at: string, level: 'stored' | 'read' | 'restore', outcome: 'passed' | 'failed') => ({
    at,
    level,
    outcome,
    loadSeconds: level === 'restore' ? 3 : null,
    seconds: 5,
    differences: outcome === 'failed' ? ['x'] : [],
  })
  expect(verdictsOf([])).toMatchObject({ storedAt: null, provenAt: null, failed: null })
  const proven = proof('2026-11-20T00:00:00.000Z', 'restore', 'passed')
  expect(verdictsOf([proven])).toMatchObject({ storedAt: proven.at, readBackAt: proven.at, loadSeconds: 3 })
  const failed = proof('2026-11-21T00:00:00.000Z', 'restore', 'failed')
  const stored = proof('2026-11-22T00:00:00.000Z', 'stored', 'passed')
  const found = verdictsOf([proven, failed, stored])
  expect(found).toMatchObject({ provenAt: proven.at, storedAt: stored.at, failed: { at: failed.at } })
  const again = proof('2026-11-23T00:00:00.000Z', 'restore', 'passed')
  expect(verdictsOf([again, failed])).toMatchObject({ failed: null, provenAt: again.at })
})
