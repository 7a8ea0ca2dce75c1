// The scheduler under clocks that jump, daemons that were down and runs that overlap: each due instant once, none lost.

import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import type { Schedule } from '../../src/domain/schedule.js'
import type { JobEnd } from '../../src/jobs/runner.js'
import { createRunner } from '../../src/jobs/runner.js'
import { createScheduler } from '../../src/jobs/scheduler.js'
import { silentLogger } from '../../src/sys/log.js'
import { fakeClock } from '../kit/fake-clock.js'
import { NIGHTLY } from '../kit/schedules.js'
import { openState, tempFolder } from '../kit/state.js'

const HOUR_MS = 3_600_000

interface Daemon {
  body?: () => Promise<JobEnd>
  schedules?: Schedule[]
}

/** A daemon's scheduler and runner on a state folder; `runs` are what the journal knows, oldest first. */
function daemon(
  clock = fakeClock('2026-11-23T00:00:00Z'),
  folder = tempFolder(),
  { body, schedules = [NIGHTLY] }: Daemon = {},
) {
  const state = openState(clock, folder)
  const log = silentLogger()
  const runner = createRunner({ ...state, log, shutdown: new AbortController().signal })
  const scheduler = createScheduler(
    {
      ...state,
      log,
      busy: name => runner.busy({ name }),
      launch: (schedule, request) =>
        runner.run({ name: schedule.job, ...request }, body ?? (async () => ({ outcome: 'succeeded' }))),
    },
    schedules,
  )
  const runs = () =>
    state.journal
      .runs({ limit: 1000 })
      .reverse()
      .map(run => [run.trigger, run.due?.toISOString().slice(0, 16), run.outcome])
  /** Lets time pass in steps that the ticks can follow. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 60_000) {
      clock.pass(Math.min(left, 60_000))
      await turn()
    }
  }
  return { ...state, runner, scheduler, runs, pass, folder }
}

test('a new installation waits for its first night, then runs each once', async () => {
  const { scheduler, runs, pass, clock } = daemon(fakeClock('2026-11-23T12:00:00Z'))
  scheduler.start()
  await turn()
  expect(runs()).toEqual([])
  await pass(48 * HOUR_MS)
  expect(runs()).toEqual([
    ['schedule', '2026-11-24T01:30', 'succeeded'],
    ['schedule', '2026-11-25T01:30', 'succeeded'],
  ])
  expect(scheduler.status()).toMatchObject([
    { paused: false, next: new Date('2026-11-26T01:30:00Z'), lastSuccess: { outcome: 'succeeded' } },
  ])
  expect(clock.now()).toEqual(new Date('2026-11-25T12:00:00Z'))
})

describe('a night missed while the daemon was down', () => {
  async function down(schedule: Schedule) {
    const clock = fakeClock('2026-11-23T00:00:00Z')
    const first = daemon(clock, tempFolder(), { schedules: [schedule] })
    first.scheduler.start()
    await first.pass(2 * HOUR_MS)
    first.scheduler.stop()
    clock.set('2026-11-26T09:00:00Z')
    const second = daemon(clock, first.folder, { schedules: [schedule] })
    second.scheduler.start()
    await second.pass(HOUR_MS)
    return second
  }

  test('is made up for at the start: the latest one only, and once', async () => {
    const { runs, journal } = await down(NIGHTLY)
    expect(runs()).toEqual([
      ['schedule', '2026-11-23T01:30', 'succeeded'],
      ['catch-up', '2026-11-26T01:30', 'succeeded'],
    ])
    expect(journal.events().some(event => event.type === 'run-missed')).toBe(false)
  })

  test('is only told, and once, where the schedule does not catch up', async () => {
    const { runs, journal, pass } = await down({ ...NIGHTLY, catchUp: false })
    expect(runs()).toHaveLength(1)
    const missed = journal.events().filter(event => event.type === 'run-missed')
    expect(missed).toMatchObject([{ facts: { schedule: 'nightly', due: '2026-11-26T01:30:00.000Z' } }])
    await pass(24 * HOUR_MS)
    expect(runs().at(-1)).toEqual(['schedule', '2026-11-27T01:30', 'succeeded'])
  })
})

describe('clock jumps', () => {
  test('an hour back after a run does not run it twice', async () => {
    const { scheduler, runs, pass, clock } = daemon()
    scheduler.start()
    await pass(2 * HOUR_MS)
    clock.set('2026-11-23T01:00:00Z')
    await pass(2 * HOUR_MS)
    expect(runs()).toEqual([['schedule', '2026-11-23T01:30', 'succeeded']])
  })

  test('a day forward runs the night that is due by then, once', async () => {
    const { scheduler, runs, pass, clock } = daemon(fakeClock('2026-11-23T12:00:00Z'))
    scheduler.start()
    await pass(HOUR_MS)
    clock.set('2026-11-24T13:00:00Z')
    await pass(24 * HOUR_MS)
    expect(runs()).toEqual([
      ['catch-up', '2026-11-24T01:30', 'succeeded'],
      ['schedule', '2026-11-25T01:30', 'succeeded'],
    ])
  })

  test.each(['2026-11-24T13:00:00Z', '2038-01-01T00:00:00Z'])(
    'forward to %s and back loses no real night',
    async wrong => {
      const { scheduler, runs, pass, clock } = daemon(fakeClock('2026-11-23T12:00:00Z'))
      scheduler.start()
      await pass(HOUR_MS)
      clock.set(wrong)
      await pass(HOUR_MS / 2)
      clock.set('2026-11-23T13:30:00Z')
      await pass(36 * HOUR_MS)
      expect(runs().map(([, due]) => due)).toEqual(
        expect.arrayContaining(['2026-11-24T01:30', '2026-11-25T01:30']),
      )
      expect(runs().filter(([trigger]) => trigger === 'schedule')).toHaveLength(2)
    },
  )
})

test('a schedule first seen under a clock that was years ahead runs once the clock is right', async () => {
  const { scheduler, runs, pass, clock } = daemon(fakeClock('2038-01-01T00:00:00Z'))
  scheduler.start()
  clock.set('2026-11-23T00:00:00Z')
  await pass(2 * HOUR_MS)
  expect(runs()).toEqual([['schedule', '2026-11-23T01:30', 'succeeded']])
})

describe('crashes', () => {
  test('an interrupted night is taken up again, three times at most', async () => {
    const clock = fakeClock('2026-11-23T00:00:00Z')
    const folder = tempFolder()
    for (let crash = 0; crash < 5; crash++) {
      const one = daemon(clock, folder, { body: () => new Promise<never>(() => {}) })
      one.journal.closeInterrupted(() => false)
      one.db.prepare('delete from job_locks').run()
      one.scheduler.start()
      await one.pass(2 * HOUR_MS)
      one.scheduler.stop()
    }
    const last = daemon(clock, folder)
    last.journal.closeInterrupted(() => false)
    expect(last.runs()).toEqual([
      ['schedule', '2026-11-23T01:30', 'interrupted'],
      ['catch-up', '2026-11-23T01:30', 'interrupted'],
      ['catch-up', '2026-11-23T01:30', 'interrupted'],
    ])
  })

  test('a night that failed is not tried again until the next', async () => {
    const { scheduler, runs, pass } = daemon(undefined, undefined, {
      body: async () => {
        throw new Failure('store-denied', 'no')
      },
    })
    scheduler.start()
    await pass(12 * HOUR_MS)
    expect(runs()).toEqual([['schedule', '2026-11-23T01:30', 'failed']])
  })
})

test('a job that is still running is waited for, not run beside', async () => {
  let release: (() => void) | undefined
  const { scheduler, runs, pass, runner } = daemon(undefined, undefined, {
    body: () => new Promise(resolve => (release = () => resolve({ outcome: 'succeeded' }))),
  })
  scheduler.start()
  await pass(26 * HOUR_MS)
  expect(runs()).toEqual([['schedule', '2026-11-23T01:30', 'running']])
  release?.()
  await runner.idle()
  await pass(HOUR_MS)
  expect(runs()).toEqual([
    ['schedule', '2026-11-23T01:30', 'succeeded'],
    ['catch-up', '2026-11-24T01:30', 'running'],
  ])
  release?.()
})

test.each([
  ['on its way and not in the journal yet', false, 1],
  ['another process’s', true, 0],
])('a job that is %s is not launched beside', async (_, busy, expected) => {
  const state = openState(fakeClock('2026-11-23T00:00:00Z'))
  let launches = 0
  const launch = () => {
    launches += 1
    return new Promise(() => {})
  }
  const scheduler = createScheduler({ ...state, log: silentLogger(), busy: () => busy, launch }, [NIGHTLY])
  scheduler.start()
  for (let minutes = 0; minutes < 120; minutes++) state.clock.pass(60_000)
  await turn()
  expect(launches).toBe(expected)
})

test('a pause survives a restart, and what came due meanwhile is let go', async () => {
  const first = daemon()
  first.scheduler.start()
  first.scheduler.pause('nightly', 'cli root')
  await first.pass(2 * HOUR_MS)
  first.scheduler.stop()
  const second = daemon(first.clock, first.folder)
  second.scheduler.start()
  await second.pass(24 * HOUR_MS)
  expect(second.scheduler.status()).toMatchObject([{ paused: true, next: null }])
  expect(second.runs()).toEqual([])
  second.scheduler.resume('nightly', 'cli root')
  await second.pass(HOUR_MS)
  expect(second.runs()).toEqual([])
  await second.pass(24 * HOUR_MS)
  expect(second.runs()).toEqual([['schedule', '2026-11-25T01:30', 'succeeded']])
  expect(() => second.scheduler.pause('weekly', 'x')).toThrow('there is no schedule weekly')
})

test('a reload takes new times from now on, and makes up for nothing of theirs', async () => {
  const { scheduler, runs, pass } = daemon()
  scheduler.start()
  await pass(12 * HOUR_MS)
  scheduler.reload([{ ...NIGHTLY, cron: '0 6 * * *' }])
  await pass(HOUR_MS)
  expect(runs()).toHaveLength(1)
  await pass(24 * HOUR_MS)
  expect(runs().at(-1)).toEqual(['schedule', '2026-11-24T06:00', 'succeeded'])
})

test('a broken journal does not end the ticks', async () => {
  const { scheduler, db, pass } = daemon()
  scheduler.start()
  db.close()
  await expect(pass(3 * HOUR_MS)).resolves.toBeUndefined()
})
