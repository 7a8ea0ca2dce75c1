// The server, not a tenant, is away: all of a night wait for it together, once. What is stored, what the journal says, what is told.
import { readdirSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { parseSubjectId, type SubjectId } from '../../src/domain/subject.js'
import type { Parts } from '../../src/jobs/parts.js'
import { manifestsPrefix } from '../../src/store/keys.js'
import { systemClock } from '../../src/sys/clock.js'
import { type AlertScene, openAlertScene } from '../kit/alert-scene.js'
import { until } from '../kit/clock.js'
import { temporaryFolder } from '../kit/cluster.js'
import { startServer, stopServer } from '../kit/server-control.js'
import { gateIn, type TwistedTools, twistedTools } from '../kit/twisted-tools.js'

const PAUSE_MS = 77_000
/** Those that a night of two at once has not begun when its first two dumps break. */
const LEFT = ['b', 'c', 'd', 'e', 'f', 'g'].map(name => `tenants/${name}`)
const BROKEN = ['platform/master', 'tenants/acme']
const ALL = ['platform/globals', ...BROKEN, ...LEFT]

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let tools: TwistedTools
let scene: AlertScene
/** What happens in each pause, in place of waiting it out. */
let meanwhile: () => unknown = () => {}
let pauses = 0

beforeAll(async () => {
  folder = await temporaryFolder()
  tools = await twistedTools(folder.path)
  const config = {
    postgres: { tools_directory: tools.directory },
    dump: { retry_pause: '77s', server_wait: '231s', concurrency: 2 },
  }
  scene = await openAlertScene([], config)
  for (const tenant of LEFT)
    await scene.cluster.createDatabase({
      name: tenant.replace('tenants/', 'gmah_org_'),
      like: 'gmah_org_acme',
    })
  await night()
  expect(lastRun()).toMatchObject({ outcome: 'succeeded' })
  await scene.alerting.tick()
  scene.ears.heard()
})
afterAll(async () => {
  await stopServer(scene.cluster)
  await scene.close()
  await folder.remove()
})
afterEach(() => {
  meanwhile = () => {}
  pauses = 0
  tools.straighten()
})

const paused = (parts: Parts): Parts => ({
  ...parts,
  clock: {
    ...parts.clock,
    sleep: async (ms, signal) => {
      if (ms !== PAUSE_MS) return systemClock.sleep(ms, signal)
      pauses += 1
      await meanwhile()
    },
  },
})

const night = () => scene.run('backup-all', { parts: paused })
const lastRun = () => scene.here.app.journal.runs({ limit: 1 })[0]

/** Two dumps stop half-way; then `disaster` happens to them. */
async function nightWith(name: string, disaster: () => Promise<unknown>): Promise<void> {
  const gate = gateIn(folder.path, name)
  const begun = () => tools.calls('pg_dump', 'gmah_master') + tools.calls('pg_dump', 'gmah_org_acme')
  const before = begun()
  tools.twist('pg_dump', { gate: gate.path, gateAt: 100 })
  const running = night()
  await until(() => gate.reached() && begun() === before + 2)
  await disaster()
  gate.open()
  await running
}

/** What the journal has of the last night. */
function told() {
  const run = lastRun()
  const events = scene.here.events().filter(event => event.run === run?.id)
  const subjects = (type: string) =>
    events.flatMap(event => (event.type === type ? [event.subject] : [])).sort()
  return {
    outcome: run?.outcome,
    error: run?.error?.code ?? null,
    committed: subjects('backup-committed'),
    failed: subjects('backup-failed'),
    reasons: events.flatMap(event => (event.type === 'backup-failed' ? [event.facts.error] : [])),
    away: events.flatMap(event => (event.type === 'server-away' ? [event.facts.outcome] : [])),
  }
}

const heard = async () => {
  await scene.alerting.tick()
  return scene.ears.heard().mail
}

/** How many manifests are stored of each. */
function stored(): Record<string, number> {
  const names = readdirSync(scene.here.storeFolder, { recursive: true, encoding: 'utf8' })
  const of = (subject: SubjectId) =>
    names.filter(name => name.startsWith(manifestsPrefix(subject)) && name.endsWith('.age')).length
  return Object.fromEntries(ALL.map(subject => [subject, of(parseSubjectId(subject))]))
}

const more = (before: Record<string, number>, subjects: readonly string[]) =>
  Object.fromEntries(ALL.map(one => [one, (before[one] ?? 0) + (subjects.includes(one) ? 1 : 0)]))

const calls = () => LEFT.map(one => tools.calls('pg_dump', one.replace('tenants/', 'gmah_org_')))
const plus = (numbers: number[], one: number) => numbers.map(number => number + one)

test('away in the middle and back: one wait for all, nobody is tried in vain, nothing is told', async () => {
  const [manifests, dumps] = [stored(), calls()]
  meanwhile = () => pauses === 2 && startServer(scene.cluster)
  await nightWith('back', () => stopServer(scene.cluster))
  expect(told()).toMatchObject({
    ...{ outcome: 'succeeded', reasons: [], committed: ALL, away: ['waiting', 'back'] },
  })
  expect(pauses).toBe(2)
  expect(stored()).toEqual(more(manifests, ALL))
  expect(calls()).toEqual(plus(dumps, 1))
  expect(await heard()).toEqual([])
})

test('away in the middle and for good: one wait, then all that are left fail at once, told once', async () => {
  const [manifests, dumps] = [stored(), calls()]
  await nightWith('for good', () => stopServer(scene.cluster))
  const { reasons, ...end } = told()
  expect(end).toEqual({
    outcome: 'partial',
    error: null,
    committed: ['platform/globals'],
    failed: [...BROKEN, ...LEFT],
    away: ['waiting', 'away'],
  })
  for (const reason of reasons)
    expect(reason).toMatchObject({
      code: 'postgres-unreachable',
      message: expect.stringMatching(/^cannot connect to database "postgres" on .* \(waited for it \d+ s\)$/),
      hint: expect.stringContaining('check that PostgreSQL runs'),
    })
  expect(pauses).toBe(3)
  expect(stored()).toEqual(more(manifests, ['platform/globals']))
  expect(calls()).toEqual(dumps)
  expect(await heard()).toEqual([expect.stringMatching(/^\[prod\] warning: backup failed: /)])

  await startServer(scene.cluster)
  await night()
  expect(told()).toMatchObject({ outcome: 'succeeded', committed: ALL, away: [] })
  expect(await heard()).toEqual([expect.stringMatching(/^\[prod\] over: backup failed: /)])
})

test('away at the beginning and back: the night waits, and is whole', async () => {
  await stopServer(scene.cluster)
  meanwhile = () => startServer(scene.cluster)
  await night()
  expect(told()).toMatchObject({
    outcome: 'succeeded',
    committed: ALL,
    failed: [],
    away: ['waiting', 'back'],
  })
  expect(pauses).toBe(1)
  expect(await heard()).toEqual([])
})

test('away at the beginning and for good: one wait, and the night has failed as a whole', async () => {
  const manifests = stored()
  await stopServer(scene.cluster)
  await night()
  expect(told()).toMatchObject({
    ...{ outcome: 'failed', error: 'postgres-unreachable' },
    ...{ committed: [], failed: [], away: ['waiting', 'away'] },
  })
  expect(pauses).toBe(3)
  expect(stored()).toEqual(manifests)
  expect(await heard()).toEqual(['[prod] CRITICAL: backup-all failed'])
  await startServer(scene.cluster)
  await night()
  expect(await heard()).toEqual(['[prod] over: backup-all failed'])
})

test("one tenant's connection is cut: it waits alone, and the others go on meanwhile", async () => {
  const others = () =>
    scene.here
      .events('backup-committed')
      .filter(event => event.run === lastRun()?.id && event.subject !== 'tenants/c')
  const gate = gateIn(folder.path, 'alone')
  tools.twist('pg_dump', { database: 'gmah_org_c', gate: gate.path, gateAt: 100 })
  meanwhile = () => until(() => others().length === ALL.length - 1)
  const running = night()
  await until(gate.reached)
  await scene.cluster.sql(
    'postgres',
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'gmah_org_c'`,
  )
  gate.open()
  await running
  expect(told()).toMatchObject({ outcome: 'succeeded', committed: ALL, failed: [], away: [] })
  expect(pauses).toBe(1)
  expect(await heard()).toEqual([])
})
