// Starts a run and gives its id at once; its end comes later. With a key, the same request starts it once, whatever crashes.
import { Failure } from '../domain/errors.js'
import type { RunId } from '../domain/ids.js'
import type { Clock } from '../sys/clock.js'
import { isAlive, ownIdentity } from '../sys/process-identity.js'
import { guard, type Sqlite } from '../sys/sqlite.js'
import type { Runner, RunResult } from './runner.js'

export interface Started {
  run: RunId
  /** Never rejects for what the body threw: that is in the result. */
  ended: Promise<RunResult>
}

/**
 * @param launch runs one job on the runner it is given.
 * @returns as soon as the run is in the journal.
 * @throws Failure subject-busy and whatever else keeps a run from starting.
 */
export function startRun(runner: Runner, launch: (runner: Runner) => Promise<RunResult>): Promise<Started> {
  return new Promise((resolve, reject) => {
    const telling: Runner['run'] = (job, body) =>
      runner.run(job, async context => {
        // The body may be entered before `launch` has returned the promise of its end.
        await null
        resolve({ run: context.run, ended })
        return body(context)
      })
    const ended = launch({ ...runner, run: telling })
    ended.catch(reject)
  })
}

export interface KeyedRequest {
  who: string
  key: string
  /** What is asked, in words that are equal when the requests are. */
  request: string
}

export interface StartedOnce {
  /**
   * Starts unless this key of this caller did so already.
   * @returns the run, and its end unless it was started before.
   * @throws Failure key-reused for another request under the same key; subject-busy while the first one is starting.
   */
  start(
    asked: KeyedRequest,
    start: () => Promise<Started>,
  ): Promise<{ run: RunId; ended: Started['ended'] | null }>
}

interface KeyRow {
  request: string
  run: string | null
  host: string
  pid: number
  process_start: string
}

/** Keys are remembered this long. */
const KEPT_MS = 7 * 86_400_000

/** Keys in the table `idempotency_keys`. */
export function openStartedOnce(db: Sqlite, clock: Clock): StartedOnce {
  const find = db.prepare('select * from idempotency_keys where who = @who and key = @key')
  const forget = db.prepare('delete from idempotency_keys where at < ?')
  const drop = db.prepare('delete from idempotency_keys where who = @who and key = @key')
  const settle = db.prepare('update idempotency_keys set run = @run where who = @who and key = @key')
  const reserve = db.prepare(
    `insert or replace into idempotency_keys (who, key, request, run, host, pid, process_start, at)
     values (@who, @key, @request, null, @host, @pid, @process_start, @at)`,
  )
  /** The run that the key names already; null when the key is ours now. */
  const claim = db.transaction((asked: KeyedRequest): RunId | null => {
    forget.run(new Date(clock.now().getTime() - KEPT_MS).toISOString())
    const row = find.get({ who: asked.who, key: asked.key }) as KeyRow | undefined
    if (row && row.request !== asked.request)
      throw new Failure('key-reused', `the key ${asked.key} was used for another request`)
    if (row?.run) return row.run as RunId
    // A process that died between the two writes started nothing, or a run that the journal calls interrupted.
    if (row && isAlive({ host: row.host, pid: row.pid, start: row.process_start }))
      throw new Failure('subject-busy', `the request with the key ${asked.key} is being started`)
    const { host, pid, start } = ownIdentity()
    reserve.run({ ...asked, host, pid, process_start: start, at: clock.now().toISOString() })
    return null
  })
  return {
    start: async (asked, start) => {
      const before = guard(db.name, () => claim.immediate(asked))
      if (before) return { run: before, ended: null }
      const { who, key } = asked
      try {
        const started = await start()
        guard(db.name, () => settle.run({ who, key, run: started.run }))
        return started
      } catch (thrown) {
        guard(db.name, () => drop.run({ who, key }))
        throw thrown
      }
    },
  }
}
