// One holder at a time among all processes of a machine, by a lock that the kernel lets go when its holder dies.
// Node has no flock: SQLite takes and tests the POSIX lock of a file for us, and nothing is ever written to it.
import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { Failure } from '../domain/errors.js'
import type { Clock } from './clock.js'
import { interruption, throwIfInterrupted } from './interruption.js'
import { keepStatements, type Sqlite } from './sqlite.js'

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
  const open = opener(path)
  return {
    run: (call, { signal, waitMs = 10_000 } = {}) => {
      const mine = turn.then(() => whileLocked(open, { path, clock, signal, waitMs }, call))
      turn = mine.catch(() => {})
      return mine
    },
  }
}

interface Wait {
  path: string
  clock: Clock
  signal: AbortSignal | undefined
  waitMs: number
}

/** One connection for all runs, since each is kept for ever; another when the file is no longer the one that it opened. */
function opener(path: string): () => Sqlite {
  let open: { lock: Sqlite; inode: number } | null = null
  const inode = (): number => statSync(path, { throwIfNoEntry: false })?.ino ?? -1
  return () => {
    if (open?.inode === inode()) return open.lock
    open?.lock.close()
    open = null
    const lock = keepStatements(new Database(path, { timeout: 0 }))
    open = { lock, inode: inode() }
    return lock
  }
}

async function whileLocked<T>(open: () => Sqlite, wait: Wait, call: () => Promise<T>): Promise<T> {
  throwIfInterrupted(wait.signal)
  const lock = open()
  await take(lock, wait)
  try {
    return await call()
  } finally {
    lock.exec('ROLLBACK')
  }
}

async function take(lock: Sqlite, wait: Wait): Promise<void> {
  const startedTicks = wait.clock.ticks()
  while (!tryBegin(lock)) {
    if (wait.clock.ticks() - startedTicks >= wait.waitMs) {
      throw new Failure('store-busy', `another process holds the lock ${wait.path}`)
    }
    try {
      await wait.clock.sleep(ASK_AGAIN_MS * (0.5 + Math.random()), wait.signal)
    } catch (thrown) {
      throw wait.signal?.aborted ? interruption(wait.signal) : thrown
    }
  }
}

function tryBegin(lock: Sqlite): boolean {
  try {
    lock.exec('BEGIN IMMEDIATE')
    return true
  } catch (thrown) {
    if (thrown instanceof Database.SqliteError && thrown.code.startsWith('SQLITE_BUSY')) return false
    throw thrown
  }
}
