// The catalogue's half about proofs: a cache of the verdicts that stand in the store beside the manifests.
import type { Database } from 'better-sqlite3'
import type { BackupId } from '../domain/ids.js'
import { type ProofRecord, proofSchema } from '../domain/records.js'
import type { SubjectId } from '../domain/subject.js'
import { type Verdicts, verdictsOf } from '../domain/verdicts.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { proofsPrefix } from '../store/keys.js'
import { guard } from '../sys/sqlite.js'
import { listRecords, readRecord } from './records.js'
import type { Repository } from './repository.js'

export const PROOFS_MIGRATION = `
  CREATE TABLE proofs (
    key TEXT PRIMARY KEY, subject TEXT NOT NULL, backup TEXT NOT NULL, at TEXT NOT NULL, level TEXT NOT NULL,
    outcome TEXT NOT NULL, loadSeconds REAL, seconds REAL NOT NULL, differences TEXT NOT NULL
  ) STRICT;
  CREATE INDEX proofs_by_subject ON proofs (subject, at DESC);
  CREATE INDEX proofs_by_backup ON proofs (backup);`

export type CatalogueProof = Pick<
  ProofRecord,
  'backup' | 'at' | 'level' | 'outcome' | 'loadSeconds' | 'seconds' | 'differences'
> & { key: string; subject: SubjectId }

/** Null: never. `backup` and `seconds` are of the newest that passed and whose backup is still there. */
export interface SubjectTries {
  subject: SubjectId
  triedAt: string | null
  provenAt: string | null
  backup: BackupId | null
  seconds: number | null
}

export type LastProof = Pick<CatalogueProof, 'subject' | 'at' | 'seconds' | 'loadSeconds'>

const COLUMNS = 'key, subject, backup, at, level, outcome, loadSeconds, seconds, differences'

export class CatalogueProofs {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  record(subject: SubjectId, key: string, proof: ProofRecord): void {
    const row = { ...proof, key, subject, differences: JSON.stringify(proof.differences) }
    const insert = `INSERT OR REPLACE INTO proofs (${COLUMNS}) VALUES (${COLUMNS.replace(/\w+/g, name => `@${name}`)})`
    guard(this.#db.name, () => void this.#db.prepare(insert).run(row))
  }

  /** Newest first. */
  list(filter: { subject?: SubjectId; backup?: BackupId } = {}): CatalogueProof[] {
    const sql = `SELECT ${COLUMNS} FROM proofs WHERE (@subject IS NULL OR subject = @subject)
                 AND (@backup IS NULL OR backup = @backup) ORDER BY at DESC, key DESC`
    const { subject = null, backup = null } = filter
    const rows = guard(this.#db.name, () => this.#db.prepare(sql).all({ subject, backup }))
    return (rows as ProofRow[]).map(fromRow)
  }

  /** The newest restore that passed of each subject that has a backup; asked of an index, however many proofs there are. */
  lastPassed(): LastProof[] {
    const sql = `SELECT p.subject, p.at, p.seconds, p.loadSeconds FROM (SELECT DISTINCT subject FROM backups) AS s
                 JOIN proofs AS p ON p.key = (
                   SELECT key FROM proofs WHERE subject = s.subject AND level = 'restore' AND outcome = 'passed'
                   ORDER BY at DESC LIMIT 1)`
    return guard(this.#db.name, () => this.#db.prepare(sql).all() as LastProof[])
  }

  /** Those of backups that are still there, of every subject: of years of proofs these are the few that say something. */
  ofKept(): CatalogueProof[] {
    const sql = `SELECT ${COLUMNS} FROM proofs WHERE backup IN (SELECT id FROM backups)`
    return guard(this.#db.name, () => this.#db.prepare(sql).all() as ProofRow[]).map(fromRow)
  }

  /** Of each subject that has a backup: its last restore for a proof, the last that passed, and what that took. */
  tries(): SubjectTries[] {
    const newest = (what: string, which = '') =>
      `(SELECT ${what} FROM proofs WHERE subject = s.subject AND level = 'restore' ${which} ORDER BY at DESC, key DESC LIMIT 1)`
    const passed = `AND outcome = 'passed'`
    // What was measured says something only beside the length of what was restored.
    const known = `${passed} AND backup IN (SELECT id FROM backups WHERE subject = s.subject)`
    const sql = `SELECT s.subject, ${newest('at')} AS triedAt, ${newest('at', passed)} AS provenAt, p.backup, p.seconds
                 FROM (SELECT DISTINCT subject FROM backups) AS s LEFT JOIN proofs AS p ON p.key = ${newest('key', known)}`
    return guard(this.#db.name, () => this.#db.prepare(sql).all() as SubjectTries[])
  }

  /** What they come to for one backup. */
  verdicts(backup: BackupId): Verdicts {
    return verdictsOf(this.list({ backup }))
  }

  /** Makes the cache of one subject equal to the store; reads the records it has not seen. `tell` hears of those of no use. */
  async refresh(
    repository: Repository,
    subject: SubjectId,
    options: {
      from: 'cache' | 'nothing'
      openKey(): Promise<TenantKey>
      tell(where: string, thrown: unknown): void
    },
  ): Promise<void> {
    const stored = new Set(await listRecords(repository.store, proofsPrefix(subject)))
    const known = this.list({ subject }).map(one => one.key)
    const kept = options.from === 'cache' ? known.filter(one => stored.has(one)) : []
    this.#drop(known.filter(one => !kept.includes(one)))
    const seen = new Set(kept)
    for (const where of stored) {
      if (seen.has(where)) continue
      try {
        const proof = await readRecord(repository.store, await options.openKey(), where, proofSchema)
        this.record(subject, where, proof)
      } catch (thrown) {
        options.tell(where, thrown)
      }
    }
  }

  /** Those of subjects that are in the store no more. */
  forget(subject: SubjectId): void {
    this.#drop(this.list({ subject }).map(one => one.key))
  }

  #drop(keys: readonly string[]): void {
    const drop = this.#db.prepare('DELETE FROM proofs WHERE key = ?')
    guard(this.#db.name, () => keys.forEach(key => void drop.run(key)))
  }
}

type ProofRow = Omit<CatalogueProof, 'differences'> & { differences: string }

const fromRow = (row: ProofRow): CatalogueProof => ({
  ...row,
  differences: JSON.parse(row.differences) as string[],
})
