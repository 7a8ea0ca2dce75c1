// A journal, its locks and its states on a database file of their own, gone with the test.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openJobLocks } from '../../src/jobs/job-locks.js'
import { openJournal } from '../../src/jobs/journal.js'
import { JOURNAL_MIGRATIONS } from '../../src/jobs/journal-schema.js'
import { openScheduleStates } from '../../src/jobs/schedule-states.js'
import { CATALOGUE_MIGRATIONS, Catalogue } from '../../src/repository/catalogue.js'
import { openSqlite, type Sqlite } from '../../src/sys/sqlite.js'
import { type FakeClock, fakeClock } from './fake-clock.js'

export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gmah-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Without a backup, until the test has one made. */
export function openCatalogue(): Catalogue {
  const db = openSqlite(join(tempFolder(), 'catalogue.sqlite'), CATALOGUE_MIGRATIONS)
  onTestFinished(() => void db.close())
  return new Catalogue(db)
}

export function openState(clock: FakeClock = fakeClock('2026-11-23T12:00:00Z'), folder = tempFolder()) {
  const file = join(folder, 'gmah-backup.sqlite')
  const db = openSqlite(file, JOURNAL_MIGRATIONS)
  onTestFinished(() => void db.close())
  const errors: unknown[] = []
  const journal = openJournal(db, clock, error => errors.push(error))
  return {
    clock,
    folder,
    file,
    db,
    journal,
    errors,
    locks: openJobLocks(db, clock),
    states: openScheduleStates(db),
  }
}

/** From here on the database file cannot grow, as on a full disk: SQLITE_FULL. */
export function leaveNoPage(db: Sqlite): void {
  const { page_count: pages } = db.prepare('PRAGMA page_count').get() as { page_count: number }
  db.exec(`PRAGMA max_page_count = ${pages}`)
}
