// The runner: whatever a body does, its run is closed once, its lock given back, and the reason told.
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { MASTER } from '../../src/domain/subject.js'
import { createRunner } from '../../src/jobs/runner.js'
import { silentLogger } from '../../src/sys/log.js'
import { openState } from '../kit/state.js'

function parts() {
  const state = openState()
  const shutdown = new AbortController()
  const runner = createRunner({ ...state, log: silentLogger(), shutdown: shutdown.signal })
  return { ...state, shutdown, runner }
}

const JOB = { name: 'backup-all', trigger: 'manual' } as const
const untilAborted = (signal: AbortSignal) => sleep(60_000, undefined, { signal })

test('a body that succeeds', async () => {
  const { runner, journal } = parts()
  const { run, failure } = await runner.run(JOB, async ({ emit, run: id }) => {
    emit({ type: 'backup-started', subject: MASTER, facts: { kind: 'manual' } })
    emit({
      type: 'progress',
      facts: { phase: 'dump', bytes: 0, of: null },
    })
    expect(journal.run(id)?.outcome).toBe('running')
    expect(runner.busy(JOB)).toBe(true)
    return { outcome: 'partial', facts: { done: 1 } }
  })
  expect(failure).toBeNull()
  expect(journal.runs()).toEqual([run])
  expect(run).toMatchObject({ outcome: 'partial', facts: { done: 1 }, trigger: 'manual' })
  expect(journal.events().map(event => [event.type, event.run, event.subject])).toEqual([
    ['run-started', run.id, null],
    ['backup-started', run.id, MASTER],
    ['run-finished', run.id, null],
  ])
  expect(runner.busy(JOB)).toBe(false)
})

test('a body that throws', async () => {
  const { runner, journal } = parts()
  const cause = new Failure('store-denied', 'no')
  const { run, failure } = await runner.run(JOB, async () => {
    throw new Error('boom', { cause })
  })
  expect(failure?.code).toBe('unexpected')
  expect(run).toMatchObject({
    outcome: 'failed',
    error: { code: 'unexpected', causes: ['unexpected: boom', 'store-denied: no'] },
  })
  expect(journal.runs({ state: 'running' })).toEqual([])
  expect(runner.busy(JOB)).toBe(false)
})

describe('interruption', () => {
  test('by shutdown', async () => {
    const { runner, shutdown } = parts()
    const running = runner.run(JOB, async ({ signal }) => {
      setImmediate(() => shutdown.abort(new Failure('interrupted', 'stopped by SIGTERM')))
      await untilAborted(signal)
      return { outcome: 'succeeded' }
    })
    const { run } = await running
    expect(run).toMatchObject({ outcome: 'interrupted', error: { message: 'stopped by SIGTERM' } })
    await expect(runner.run(JOB, async () => ({ outcome: 'succeeded' }))).rejects.toMatchObject({
      code: 'interrupted',
    })
    await runner.idle()
    expect(runner.active()).toBe(0)
  })

  test('by the deadline: failed, and what the body then threw is the cause', async () => {
    const { runner } = parts()
    const { run } = await runner.run({ ...JOB, deadlineMs: 20 }, async ({ signal }) => {
      await untilAborted(signal).catch(() => {
        throw new Failure('dump-failed', 'pg_dump ended with signal SIGTERM')
      })
      return { outcome: 'succeeded' }
    })
    expect(run).toMatchObject({ outcome: 'failed', error: { code: 'deadline-passed' } })
    expect(run.error?.causes[1]).toBe('dump-failed: pg_dump ended with signal SIGTERM')
  })

  test('a body that succeeds all the same has succeeded', async () => {
    const { runner, shutdown } = parts()
    const { run } = await runner.run(JOB, async () => {
      shutdown.abort(new Failure('interrupted', 'late'))
      return { outcome: 'succeeded' }
    })
    expect(run.outcome).toBe('succeeded')
  })
})

describe('the lock', () => {
  test('refuses a second run of the job, here and from another process, and leaves others alone', async () => {
    const { runner, journal, folder, clock } = parts()
    const other = openState(clock, folder)
    await runner.run(JOB, async () => {
      await expect(runner.run(JOB, async () => ({ outcome: 'succeeded' }))).rejects.toMatchObject({
        code: 'subject-busy',
      })
      expect(() => other.locks.acquire('backup-all')).toThrow(
        expect.objectContaining({ code: 'subject-busy' }),
      )
      await runner.run({ ...JOB, subject: MASTER }, async () => ({ outcome: 'succeeded' }))
      return { outcome: 'succeeded' }
    })
    expect(journal.runs()).toHaveLength(2)
    other.locks.acquire('backup-all').release()
  })

  test('of a dead process is taken over; giving back a lost lock takes nothing from its new holder', () => {
    const { locks, db } = openState()
    const lost = locks.acquire('x')
    db.prepare('update job_locks set pid = 4194303').run()
    expect(locks.held('x')).toBe(false)
    locks.acquire('x')
    lost.release()
    expect(locks.held('x')).toBe(true)
  })
})
