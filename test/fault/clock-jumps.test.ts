// The wall clock put forward and back around real nights: each due instant once, and a backup's instant is PostgreSQL's own.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { runSchedule } from '../../src/jobs/daemon-work.js'
import { createScheduler, type Scheduler } from '../../src/jobs/scheduler.js'
import { silentLogger } from '../../src/sys/log.js'
import { type Cluster, startPlatform } from '../kit/cluster.js'
import { type FakeClock, fakeClock } from '../kit/fake-clock.js'
import { type Installation, install } from '../kit/installation.js'
import { auditStore } from '../kit/store-audit.js'

const HOUR_MS = 3_600_000
let cluster: Cluster
let here: Installation
let scheduler: Scheduler

beforeAll(async () => {
  cluster = await startPlatform()
})

afterAll(() => cluster.stop())

afterEach(async () => {
  scheduler.stop()
  await here.remove()
})

/** A daemon's scheduler, runner and jobs under a clock of our own; due each night at 01:30 UTC. */
async function daemonAt(start: string): Promise<FakeClock> {
  const clock = fakeClock(start)
  here = await install(cluster.target, { clock, cron: '30 1 * * *', zone: 'UTC' })
  const { journal, states, runner } = here.app
  scheduler = createScheduler(
    {
      journal,
      states,
      clock,
      log: silentLogger(),
      busy: job => runner.busy({ name: job }),
      launch: (schedule, launch) =>
        runSchedule(
          async () => here.parts(),
          runner,
          schedule,
          launch,
          async () => ({ outcome: 'succeeded' }),
        ),
    },
    here.parts().config.schedules,
  )
  scheduler.start()
  return clock
}

/** Hours as the ticks see them; a run that comes due gets the real time that it needs. */
async function pass(clock: FakeClock, hours: number): Promise<void> {
  for (let minutes = 0; minutes < hours * 60; minutes++) {
    clock.pass(60_000)
    await settled(clock)
  }
}

async function settled(clock: FakeClock): Promise<void> {
  let idle = false
  const over = here.app.runner.idle().then(() => {
    idle = true
  })
  await new Promise(resolve => setImmediate(resolve))
  while (!idle) {
    clock.pass(1)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  await over
}

const runs = () =>
  here.app.journal
    .runs({ limit: 100 })
    .reverse()
    .map(run => [run.trigger, run.due?.toISOString().slice(0, 16), run.outcome])

/** The server's clock did not jump: every instant of a dump lies in the real time of this test. */
async function instantsAreReal(since: number, backups: number): Promise<void> {
  const dumps = (await auditStore(here.parts())).filter(one => one.dump !== null)
  expect(dumps).toHaveLength(backups)
  for (const { instant } of dumps) {
    expect(Date.parse(instant)).toBeGreaterThanOrEqual(since)
    expect(Date.parse(instant)).toBeLessThanOrEqual(Date.now())
  }
}

test('a day forward: the night that is due by then is made up for, once', async () => {
  const since = Date.now()
  const clock = await daemonAt('2031-05-05T12:00:00Z')
  await pass(clock, 1)
  clock.set('2031-05-06T13:00:00Z')
  await pass(clock, 14)
  expect(runs()).toEqual([
    ['catch-up', '2031-05-06T01:30', 'succeeded'],
    ['schedule', '2031-05-07T01:30', 'succeeded'],
  ])
  await instantsAreReal(since, 2)
})

test('an hour back after a night: it is not run twice', async () => {
  const since = Date.now()
  const clock = await daemonAt('2031-05-05T00:00:00Z')
  await pass(clock, 2)
  clock.set('2031-05-05T01:00:00Z')
  await pass(clock, 2)
  expect(runs()).toEqual([['schedule', '2031-05-05T01:30', 'succeeded']])
  await instantsAreReal(since, 1)
})

test('a year ahead and back: no real night is lost, and none is run twice', async () => {
  const since = Date.now()
  const clock = await daemonAt('2031-05-05T12:00:00Z')
  await pass(clock, 1)
  clock.set('2032-05-05T13:00:00Z')
  await pass(clock, 1)
  clock.set('2031-05-05T14:00:00Z')
  await pass(clock, 36)
  expect(runs().filter(([, due]) => due?.startsWith('2031'))).toEqual([
    ['schedule', '2031-05-06T01:30', 'succeeded'],
    ['schedule', '2031-05-07T01:30', 'succeeded'],
  ])
  expect(runs()).toHaveLength(3)
  await instantsAreReal(since, 3)
})

test.each([
  ['forward a year', 8_760 * HOUR_MS, ['2031-05-05T01:30', '2032-05-04T01:30']],
  ['back a day', -24 * HOUR_MS, ['2031-05-05T01:30']],
] as const)(
  '%s in the middle of a dump: the dump goes on, its leases with it',
  async (_what, jumpMs, due) => {
    const since = Date.now()
    const clock = await daemonAt('2031-05-05T01:00:00Z')
    let jumped = false
    here.app.journal.subscribe(event => {
      if (event.type !== 'backup-started' || event.subject !== 'platform/master') return
      clock.set(new Date(clock.now().getTime() + jumpMs))
      jumped = true
      // A look of the lease keepers comes every five seconds, and renews at once after a jump.
      clock.pass(6_000)
    })
    for (let minutes = 0; minutes < 31; minutes++) {
      clock.pass(60_000)
      await settled(clock)
    }
    expect(jumped).toBe(true)
    expect(runs().map(([, at, outcome]) => [at, outcome])).toEqual(due.map(at => [at, 'succeeded']))
    expect(here.app.journal.events().filter(event => event.type === 'backup-failed')).toEqual([])
    await instantsAreReal(since, due.length)
  },
)
