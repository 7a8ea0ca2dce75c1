// What we have, at a glance: a cache in SQLite of the manifests in the store. Lose it and `refresh` brings it back.
import type { Database } from 'better-sqlite3'
import { Failure } from '../domain/errors.js'
import type { BackupId, Instant } from '../domain/ids.js'
import type { BackupKind, Manifest } from '../domain/manifest.js'
import type { SubjectId } from '../domain/subject.js'
import { type ManifestName, manifestKey } from '../store/keys.js'
import { guard } from '../sys/sqlite.js'
import { CatalogueFigures } from './catalogue-figures.js'
import { CatalogueProofs, PROOFS_MIGRATION } from './catalogue-proofs.js'
import { listMarked } from './damage.js'
import { listManifests, listSubjects, manifestName, readManifest } from './manifests.js'
import { problemOf, type RefreshOptions, type RefreshReport } from './refresh-report.js'
import type { Repository } from './repository.js'
import { readBroken } from './standing.js'
import { openTenantKey } from './tenant-keys.js'

export const CATALOGUE_MIGRATIONS = [
  `CREATE TABLE backups (
     manifest TEXT PRIMARY KEY, id TEXT NOT NULL, subject TEXT NOT NULL, instant TEXT NOT NULL, kind TEXT NOT NULL,
     label TEXT, database TEXT, server TEXT, tables INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
     newBytes INTEGER NOT NULL, newStoredBytes INTEGER NOT NULL, reusedBytes INTEGER NOT NULL, storedBytes INTEGER NOT NULL,
     seconds REAL NOT NULL
   ) STRICT;
   CREATE INDEX backups_by_subject ON backups (subject, instant DESC, id DESC);`,
  PROOFS_MIGRATION,
  'ALTER TABLE backups ADD COLUMN broken TEXT',
]

export interface CatalogueEntry {
  /** Key of the manifest. */
  manifest: string
  id: BackupId
  subject: SubjectId
  instant: Instant
  kind: BackupKind
  label: string | null
  database: string | null
  server: string | null
  tables: number
  rows: number
  /** Length of the dump; of that in chunks new at the time, and those as stored; in chunks already there; stored length of all its chunks. */
  bytes: number
  newBytes: number
  newStoredBytes: number
  reusedBytes: number
  storedBytes: number
  seconds: number
  /** Why it cannot be restored as it is: a chunk of it is marked as damaged. Null: nothing is known against it. */
  broken: string | null
}

const COLUMNS =
  'manifest, id, subject, instant, kind, label, database, server, tables, rows, bytes, newBytes, newStoredBytes, reusedBytes, storedBytes, seconds, broken'

export class Catalogue {
  readonly #db: Database
  /** Verdicts on the backups. */
  readonly proofs: CatalogueProofs
  readonly figures: CatalogueFigures

  constructor(db: Database) {
    this.#db = db
    this.proofs = new CatalogueProofs(db)
    this.figures = new CatalogueFigures(db)
  }

  /** @throws Failure disk-full and the like; the backup is no less in the store, and the next refresh finds it. */
  record(manifest: Manifest): void {
    const insert = `INSERT OR REPLACE INTO backups (${COLUMNS}) VALUES (${COLUMNS.replace(/\w+/g, '@$&')})`
    guard(this.#db.name, () => void this.#db.prepare(insert).run(entryOf(manifest)))
  }

  /** Notes that a manifest was deleted, by its key. */
  remove(manifest: string): void {
    this.#drop([manifest])
  }

  /** Newest first. */
  list(filter: { subject?: SubjectId; limit?: number } = {}): CatalogueEntry[] {
    return this.#all(
      `SELECT ${COLUMNS} FROM backups WHERE @subject IS NULL OR subject = @subject
       ORDER BY instant DESC, subject, id DESC LIMIT @limit`,
      { subject: filter.subject ?? null, limit: filter.limit ?? -1 },
    )
  }

  /** The newest backup of each subject; broken ones do not count. */
  newest(): CatalogueEntry[] {
    return this.#newestOf('AND broken IS NULL')
  }

  /** The newest backup of each subject, broken or not: who has backups at all. */
  newestAtAll(): CatalogueEntry[] {
    return this.#newestOf('')
  }

  /** Says of each backup of a subject whether it is broken: those in the map are, and why, the others are not. */
  noteBroken(subject: SubjectId, broken: ReadonlyMap<BackupId, string>): void {
    guard(this.#db.name, () => {
      this.#db.prepare('UPDATE backups SET broken = NULL WHERE subject = ?').run(subject)
      const note = this.#db.prepare('UPDATE backups SET broken = ? WHERE subject = ? AND id = ?')
      for (const [id, why] of broken) note.run(why, subject, id)
    })
  }

  /** @throws Failure backup-unknown, or usage when the beginning fits several. */
  find(idBeginning: string): CatalogueEntry {
    if (!/^[0-9a-f]{4,12}$/.test(idBeginning)) {
      throw new Failure('usage', `not a backup id: ${idBeginning}`, {
        hint: 'give at least four of its twelve hex digits',
      })
    }
    const beginning = `SELECT ${COLUMNS} FROM backups WHERE substr(id, 1, length(@id)) = @id`
    const fits = this.#all(beginning, { id: idBeginning })
    const [entry] = fits
    if (!entry) throw new Failure('backup-unknown', `there is no backup ${idBeginning} in the catalogue`)
    if (fits.length > 1) {
      throw new Failure('usage', `${idBeginning} is the beginning of ${fits.length} backup ids`, {
        hint: 'type more digits',
      })
    }
    return entry
  }

  /**
   * Makes the cache equal to the store: asks for the names, opens only manifests it has not seen, or all of them `from`
   * nothing. When the store can't be read it keeps what it knew. @param only all subjects without it.
   */
  async refresh(repository: Repository, options: RefreshOptions): Promise<RefreshReport> {
    const report: RefreshReport = { subjects: 0, backups: 0, added: 0, gone: [], problems: [] }
    const subjects = options.only ?? (await listSubjects(repository.store, options))
    for (const subject of subjects) await this.#refreshSubject(repository, subject, options, report)
    for (const { subject } of options.only ? [] : this.newestAtAll()) {
      if (subjects.includes(subject)) continue
      await this.#dropGone(repository, subject, new Set(), options, report)
      this.proofs.forget(subject)
    }
    return { ...report, subjects: subjects.length, backups: this.list().length }
  }

  #newestOf(which: string): CatalogueEntry[] {
    const columns = COLUMNS.replace(/\w+/g, name => `b.${name}`)
    return this.#all(
      `SELECT ${columns} FROM (SELECT DISTINCT subject FROM backups) AS s JOIN backups AS b ON b.manifest = (
         SELECT manifest FROM backups WHERE subject = s.subject ${which} ORDER BY instant DESC, id DESC LIMIT 1
       ) ORDER BY b.subject`,
    )
  }

  #all(sql: string, values: Record<string, unknown> = {}): CatalogueEntry[] {
    return guard(this.#db.name, () => this.#db.prepare(sql).all(values) as CatalogueEntry[])
  }

  async #refreshSubject(
    repository: Repository,
    subject: SubjectId,
    options: RefreshOptions,
    report: RefreshReport,
  ): Promise<void> {
    const names = await listManifests(repository.store, subject, options)
    const { from } = options
    await this.#dropGone(repository, subject, new Set(names.map(manifestKey)), options, report)
    const cached = from === 'cache' ? this.list({ subject }) : []
    const seen = new Set(cached.map(entry => entry.manifest))
    const unseen = names.filter(name => !seen.has(manifestKey(name)))
    const marked = await listMarked(repository.store, subject)
    if (marked.size === 0) this.noteBroken(subject, new Map())
    try {
      let key: ReturnType<typeof openTenantKey> | undefined
      const openKey = () => (key ??= openTenantKey(repository.store, repository.keyring, subject))
      for (const name of unseen) await this.#learn(repository, await openKey(), name, report)
      const tell = (where: string, thrown: unknown) => void report.problems.push(problemOf(where, thrown))
      await this.proofs.refresh(repository, subject, { from, openKey, tell })
      if (marked.size > 0) this.noteBroken(subject, await readBroken(repository.store, await openKey()))
    } catch (thrown) {
      report.problems.push(problemOf(subject, thrown))
      this.#drop(unseen.map(manifestKey))
    }
  }

  async #learn(
    repository: Repository,
    key: Parameters<typeof readManifest>[1],
    name: ManifestName,
    report: RefreshReport,
  ) {
    try {
      this.record(await readManifest(repository.store, key, name))
      report.added += 1
    } catch (thrown) {
      report.problems.push(problemOf(manifestKey(name), thrown))
      this.#drop([manifestKey(name)])
    }
  }

  async #dropGone(
    { store }: Repository,
    subject: SubjectId,
    listed: ReadonlySet<string>,
    { onGone }: RefreshOptions,
    report: RefreshReport,
  ): Promise<void> {
    const gone = new Set<string>()
    for (const { manifest } of this.list({ subject })) {
      // One that is not in the listing may have been stored after it.
      if (!listed.has(manifest) && !(await store.head(manifest))) gone.add(manifest)
    }
    // Nothing is awaited from here on: another refresh may have told of some already.
    const still = this.list({ subject }).filter(one => gone.has(one.manifest))
    const told = still.map(({ id, instant }) => ({ subject, id, instant }))
    if (told.length > 0) onGone?.(subject, told)
    this.#drop(still.map(one => one.manifest))
    report.gone.push(...told)
  }

  #drop(manifests: readonly string[]): void {
    const drop = this.#db.prepare('DELETE FROM backups WHERE manifest = ?')
    guard(this.#db.name, () => manifests.forEach(manifest => void drop.run(manifest)))
  }
}

function entryOf(manifest: Manifest): CatalogueEntry {
  const name = manifestName(manifest)
  return {
    manifest: manifestKey(name),
    id: manifest.backup,
    subject: manifest.subject,
    instant: name.instant,
    kind: manifest.kind,
    label: manifest.label,
    database: manifest.dump?.database.name ?? null,
    server: manifest.dump?.server.version ?? null,
    tables: manifest.dump?.tables.length ?? 0,
    rows: manifest.dump?.tables.reduce((sum, table) => sum + table.rows, 0) ?? 0,
    bytes: manifest.stream.bytes,
    newBytes: manifest.stored.newBytes,
    newStoredBytes: manifest.stored.newStoredBytes,
    reusedBytes: manifest.stored.reusedBytes,
    storedBytes: manifest.chunks.reduce((sum, chunk) => sum + chunk.storedBytes, 0),
    seconds: (Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt)) / 1000,
    broken: null,
  }
}
