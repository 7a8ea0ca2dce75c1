// One holder at a time among all processes of a machine, by a lock that the kernel lets go when its holder dies.
// Node has no flock: SQLite takes and tests the POSIX lock of a file for us, and nothing is ever written to it.
import Database from 'better-sqlite3'
import { Failure } from '../domain/errors.js'
import type { Clock } from './clock.js'
import { interruption, throwIfInterrupted } from './interruption.js'

const ASK_AGAIN_MS = 5

export interface FileLock {
  /**
   * Runs `call` alone. Waits for the lock up to `waitMs` (default 10 s).
   * @throws Failure store-busy when others hold it longer than that.
   */
  run<T>(call: () => Promise<T>, options?: { signal?: AbortSignal; waitMs?: number }): Promise<T>
}

/** A lock on the file at `path`, which is created (empty) by the first run in a directory that must exist. */
export function fileLock(path: string, clock: Clock): FileLock {
  let turn: Promise<unknown> = Promise.resolve()
  return {
    run: (call, { signal, waitMs = 10_000 } = {}) => {
      const mine = turn.then(() => whileLocked(path, { clock, signal, waitMs }, call))
      turn = mine.catch(() => {})
      return mine
    },
  }
}

interface Wait {
  clock: Clock
  signal: AbortSignal | undefined
  waitMs: number
}

async function whileLocked<T>(path: string, wait: Wait, call: () => Promise<T>): Promise<T> {
  throwIfInterrupted(wait.signal)
  const lock = new Database(path, { timeout: 0 })
  try {
    await take(lock, path, wait)
    return await call()
  } finally {
    // Closing lets go of the lock.
    lock.close()
  }
}

async function take(lock: Database.Database, path: string, wait: Wait): Promise<void> {
  const startedTicks = wait.clock.ticks()
  while (!tryBegin(lock)) {
    if (wait.clock.ticks() - startedTicks >= wait.waitMs) {
      throw new Failure('store-busy', `another process holds the lock ${path}`)
    }
    try {
      await wait.clock.sleep(ASK_AGAIN_MS * (0.5 + Math.random()), wait.signal)
    } catch (thrown) {
      throw wait.signal?.aborted ? interruption(wait.signal) : thrown
    }
  }
}

function tryBegin(lock: Database.Database): boolean {
  try {
    lock.exec('BEGIN IMMEDIATE')
    return true
  } catch (thrown) {
    if (thrown instanceof Database.SqliteError && thrown.code.startsWith('SQLITE_BUSY')) return false
    throw thrown
  }
}
