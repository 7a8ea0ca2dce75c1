// The local database file: WAL so that the daemon and commands use it at once, every commit on disk before it is believed.
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { Failure } from '../domain/errors.js'

export type Sqlite = Database.Database

/** SHMSIZE: the shared memory file cannot grow, which is a full volume too (sqlite.org/rescode.html). */
const NO_SPACE = ['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT']
/** How long a statement waits for another process's write. */
const BUSY_TIMEOUT_MS = 10_000

/**
 * Opens (or makes, mode 0600) the file and brings its schema up to date.
 * `migrations` only ever grows: entry n takes user_version n to n + 1, each in a transaction of its own.
 * @throws Failure disk-full; format-unknown when a newer program made it; unexpected when it is damaged.
 */
export function openSqlite(file: string, migrations: readonly string[]): Sqlite {
  return guard(file, () => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    // SQLite gives its -wal and -shm files the mode of the database, so making it first protects all three.
    closeSync(openSync(file, 'a', 0o600))
    const db = keepStatements(new Database(file, { timeout: BUSY_TIMEOUT_MS }))
    try {
      // Only a file without tables takes auto_vacuum: it can then give pages back, a few at a time.
      db.exec('PRAGMA auto_vacuum = INCREMENTAL')
      db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
      migrate(db, file, migrations)
    } catch (error) {
      db.close()
      throw error
    }
    return db
  })
}

/** Never emptied, see below. */
const opened = new Set<Sqlite>()

/**
 * Lets the database and its statements live as long as the process, each statement prepared once for its text.
 * On Node 24 a statement that is collected while no context is entered ends the process: node's ObjectWrap then removes a
 * hook of an environment that it cannot find, and better-sqlite3 before 13, which needs Node 22, is built on ObjectWrap.
 * What makes statements that nobody can keep, pragma() and iterate(), is not used for the same reason.
 */
export function keepStatements(db: Sqlite): Sqlite {
  opened.add(db)
  const statements = new Map<string, Database.Statement>()
  const prepare = db.prepare.bind(db)
  const once = (sql: string): Database.Statement => {
    const statement = statements.get(sql) ?? prepare(sql)
    statements.set(sql, statement)
    return statement
  }
  db.prepare = once as Sqlite['prepare']
  return db
}

/** Runs a piece of work on the database; what SQLite throws becomes a Failure, classified by its code. */
export function guard<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw explain(file, cause)
  }
}

function migrate(db: Sqlite, file: string, migrations: readonly string[]): void {
  const read = db.prepare('PRAGMA user_version')
  const version = (): number => (read.get() as { user_version: number }).user_version
  if (version() > migrations.length) {
    throw new Failure(
      'format-unknown',
      `${file} has schema ${version()}, this program knows ${migrations.length}`,
    )
  }
  // The version is read again under the write lock: another process may be doing the same.
  const step = db.transaction(() => {
    const sql = migrations[version()]
    if (sql === undefined) return false
    const next = version() + 1
    db.exec(sql)
    db.exec(`PRAGMA user_version = ${next}`)
    return true
  })
  while (version() < migrations.length && step.immediate()) {}
}

function explain(file: string, cause: unknown): unknown {
  if (cause instanceof Failure) return cause
  const code = (cause as { code?: unknown }).code
  if (typeof code !== 'string') return cause
  if (NO_SPACE.includes(code)) {
    return new Failure('disk-full', `no space left for ${file}`, { cause })
  }
  if (code === 'SQLITE_CORRUPT' || code === 'SQLITE_NOTADB') {
    return new Failure('unexpected', `${file} is damaged`, {
      cause,
      hint: `move ${file} away and start again: nothing needed for a restore is in it; then type gmah-backup catalogue rebuild`,
    })
  }
  if (code.startsWith('SQLITE_BUSY')) {
    return new Failure(
      'unexpected',
      `${file} stayed locked by another process for ${BUSY_TIMEOUT_MS / 1000} seconds`,
      {
        cause,
        hint: 'see which process holds it with `fuser`, and end it if it hangs',
      },
    )
  }
  if (['EACCES', 'EPERM', 'EROFS', 'SQLITE_READONLY', 'SQLITE_CANTOPEN', 'SQLITE_PERM'].includes(code)) {
    return new Failure('file-denied', `${file} cannot be written (${code})`, { cause })
  }
  return new Failure('unexpected', `${file} cannot be used (${code})`, {
    cause,
    hint: 'check the disk, and the owner and mode of its folder',
  })
}
