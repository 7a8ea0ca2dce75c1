// The runner: whatever a body does, its run is closed once, its lock given back, and the reason told.
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/domain/errors.js'
import { GLOBALS, MASTER } from '../../src/domain/subject.js'
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

test('an event is about the run’s subject, unless it names another or none', async () => {
  const { runner, journal } = parts()
  const facts = { before: '2026-01-01T00:00:00Z', events: 1 }
  await runner.run({ ...JOB, subject: MASTER }, async ({ emit }) => {
    emit({ type: 'journal-trimmed', facts })
    emit({ type: 'journal-trimmed', subject: GLOBALS, facts })
    emit({ type: 'journal-trimmed', subject: null, facts })
    return { outcome: 'succeeded' }
  })
  const told = journal.events().filter(event => event.type === 'journal-trimmed')
  expect(told.map(event => event.subject)).toEqual([MASTER, GLOBALS, null])
})

test('is idle only when the runs that began meanwhile have ended too', async () => {
  const { runner } = parts()
  const [begin, end] = [new AbortController(), new AbortController()]
  const until = ({ signal }: AbortController) => untilAborted(signal).catch(() => {})
  let idle = false
  const first = runner.run(JOB, async () => {
    await until(begin)
    void runner.run({ ...JOB, name: 'check' }, async () => {
      await until(end)
      return { outcome: 'succeeded' }
    })
    return { outcome: 'succeeded' }
  })
  const waiting = runner.idle().then(() => {
    idle = true
  })
  begin.abort()
  await first
  await sleep(0)
  expect([idle, runner.active()]).toEqual([false, 1])
  end.abort()
  await waiting
  expect(runner.active()).toBe(0)
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

describe('cancelling', () => {
  const MARIA = { who: 'maria', reason: 'wrong tenant' }

  test('ends the run, once, and says who wanted it', async () => {
    const { runner, journal } = parts()
    const told: unknown[] = []
    const { run, failure } = await runner.run(JOB, async ({ run: id, signal }) => {
      setImmediate(() => {
        const { run: now, ended } = runner.cancel(id, MARIA)
        told.push(now.outcome, ended)
        told.push(runner.cancel(id, { who: 'jan', reason: null }).ended)
      })
      await untilAborted(signal)
      return { outcome: 'succeeded' }
    })
    expect(failure).toMatchObject({ code: 'cancelled', message: 'cancelled by maria: wrong tenant' })
    expect(run.outcome).toBe('cancelled')
    expect(await Promise.all(told)).toEqual(['running', run, run])
    expect(journal.events().map(({ type, facts }) => [type, facts])).toMatchObject([
      ['run-started', {}],
      ['run-cancel-asked', MARIA],
      ['run-cancelled', { job: 'backup-all', error: { code: 'cancelled' } }],
    ])
    expect(runner.cancel(run.id, MARIA).run).toEqual(run)
    expect(runner.busy(JOB)).toBe(false)
  })

  test('ends the run also where that cannot be noted', async () => {
    const { runner, journal } = parts()
    const keep = journal.event
    const { run } = await runner.run(JOB, async ({ run: id, signal }) => {
      setImmediate(() => {
        journal.event = () => {
          throw new Failure('disk-full', 'no room')
        }
        expect(() => runner.cancel(id, MARIA)).toThrow(expect.objectContaining({ code: 'disk-full' }))
        journal.event = keep
      })
      await untilAborted(signal)
      return { outcome: 'succeeded' }
    })
    expect(run.outcome).toBe('cancelled')
  })

  test('is too late once it finishes what it began, and when it is over', async () => {
    const { runner } = parts()
    const { run } = await runner.run(JOB, async ({ run: id, finish, signal }) => {
      finish('the last rename')
      expect(() => runner.cancel(id, MARIA)).toThrow(
        expect.objectContaining({
          code: 'cancel-too-late',
          message: expect.stringContaining('the last rename'),
        }),
      )
      expect(signal.aborted).toBe(false)
      return { outcome: 'succeeded' }
    })
    expect(run.outcome).toBe('succeeded')
    expect(() => runner.cancel(run.id, MARIA)).toThrow(expect.objectContaining({ code: 'cancel-too-late' }))
  })

  test('keeps what must be finished from beginning', async () => {
    const { runner } = parts()
    const { run } = await runner.run(JOB, async ({ run: id, finish }) => {
      runner.cancel(id, MARIA)
      finish('the last rename')
      return { outcome: 'succeeded' }
    })
    expect(run.outcome).toBe('cancelled')
  })

  test('ends what runs within it', async () => {
    const { runner, journal } = parts()
    const inner: string[] = []
    await runner.run(JOB, async ({ run: id, signal }) => {
      const { run } = await runner.run({ ...JOB, name: 'restore', within: signal }, async own => {
        setImmediate(() => runner.cancel(id, MARIA))
        await untilAborted(own.signal)
        return { outcome: 'succeeded' }
      })
      inner.push(run.outcome)
      signal.throwIfAborted()
      return { outcome: 'succeeded' }
    })
    expect(inner).toEqual(['cancelled'])
    expect(journal.runs().map(run => run.outcome)).toEqual(['cancelled', 'cancelled'])
  })

  test('finds only the runs of this process', async () => {
    const { runner, journal } = parts()
    const { id } = journal.startRun({ job: 'sweep', trigger: 'manual' })
    expect(() => runner.cancel(id, MARIA)).toThrow(expect.objectContaining({ code: 'run-elsewhere' }))
    expect(() => runner.cancel('000000000000' as typeof id, MARIA)).toThrow(
      expect.objectContaining({ code: 'run-unknown' }),
    )
  })
})
