// Sums over the whole catalogue, each made by one statement: pages and scrapes of five hundred tenants ask for them.
import type { Database } from 'better-sqlite3'
import type { SubjectId } from '../domain/subject.js'
import { guard } from '../sys/sqlite.js'

export class CatalogueFigures {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /**
   * Bytes that the backups of each subject take in the store: everything that the oldest names, and what each later one
   * brought. What a removed backup brought and a later one still uses is not in it.
   */
  stored(): { subject: SubjectId; bytes: number }[] {
    const sql = `
      SELECT s.subject, s.brought + o.storedBytes - o.newStoredBytes AS bytes
      FROM (SELECT subject, sum(newStoredBytes) AS brought FROM backups GROUP BY subject) AS s
      JOIN backups AS o ON o.manifest = (
        SELECT manifest FROM backups WHERE subject = s.subject ORDER BY instant, id LIMIT 1)`
    return guard(this.#db.name, () => this.#db.prepare(sql).all() as { subject: SubjectId; bytes: number }[])
  }

  /** How many backups of each subject are broken, those with none too. */
  broken(): { subject: SubjectId; backups: number }[] {
    const sql = 'SELECT subject, count(broken) AS backups FROM backups GROUP BY subject'
    return guard(
      this.#db.name,
      () => this.#db.prepare(sql).all() as { subject: SubjectId; backups: number }[],
    )
  }
}
