// PgBouncer around a swap: its clients wait instead of failing. It may be dead or deaf, and that must keep nobody from
// being restored: what it did not do is handed back, to be told.
import type { PgbouncerConfig } from '../domain/configuration.js'
import { asFailure, Failure } from '../domain/errors.js'
import { openConsole, type PoolerConsole } from '../postgres/pgbouncer.js'
import { type Clock, deadline } from '../sys/clock.js'

export interface PausedPooler {
  /** Null when it did as told. */
  problem: Failure | null
  /** Lets the clients go on. @returns for how long they were held; null when they were not. Never throws. */
  resume(): Promise<{ pausedMs: number | null; problem: Failure | null }>
}

const RESUME_TRIES = 5
const RESUME_PAUSE_MS = 300
const CONSOLE_WAIT_MS = 5_000

/**
 * New queries wait from the moment this is called; transactions that run get `pauseWaitMs` to end, and are ended by the swap
 * afterwards.
 */
export async function pausePooler(
  pooler: PgbouncerConfig | null,
  database: string,
  clock: Clock,
): Promise<PausedPooler> {
  if (!pooler) return { problem: null, resume: async () => ({ pausedMs: null, problem: null }) }
  const startedTicks = clock.ticks()
  let admin: PoolerConsole | null = null
  let problem: Failure | null = null
  try {
    admin = await openConsole(pooler, { signal: late(CONSOLE_WAIT_MS) })
    await within(pooler.pauseWaitMs, admin.pause(database), clock)
  } catch (thrown) {
    problem = asFailure(thrown)
  }
  const held = problem === null
  return {
    problem,
    resume: async () => {
      const failure = await resumePooler(pooler, database, clock)
      // What still waits for a pause that cannot complete any more ends with its console.
      await admin?.close().catch(() => {})
      if (held && failure) return { pausedMs: null, problem: stillPaused(database, failure) }
      return { pausedMs: held ? clock.ticks() - startedTicks : null, problem }
    },
  }
}

/** Tries a few times, on a console of its own. @returns why it could not be told; null when it goes on. */
export async function resumePooler(
  pooler: PgbouncerConfig,
  database: string,
  clock: Clock,
): Promise<Failure | null> {
  let failure: Failure | null = null
  for (let tries = 0; tries < RESUME_TRIES; tries++) {
    if (tries > 0) await clock.sleep(RESUME_PAUSE_MS)
    try {
      const admin = await openConsole(pooler, { signal: late(CONSOLE_WAIT_MS) })
      await admin.resume(database).finally(() => admin.close())
      return null
    } catch (thrown) {
      failure = asFailure(thrown)
    }
  }
  return failure
}

/** Resolves when the work does, or after so long whatever it does. */
async function within(ms: number, work: Promise<void>, clock: Clock): Promise<void> {
  const done = new AbortController()
  const waiting = clock.sleep(ms, done.signal)
  waiting.catch(() => {})
  await Promise.race([work, waiting]).finally(() => done.abort())
}

const late = (ms: number): AbortSignal =>
  deadline(ms, new Failure('pooler-unreachable', `PgBouncer's console did not answer within ${ms} ms`)).signal

const stillPaused = (database: string, cause: Failure): Failure =>
  new Failure('pooler-paused', `PgBouncer was paused for ${database} and could not be told to go on`, {
    cause,
    hint: `type \`RESUME "${database}"\` in its admin console; one that was restarted holds nobody any more`,
  })
