// The whole platform on a server that has nothing: the roles, the master, then every tenant, each loaded, proven and only then named.
// What is there already is left alone, so that a recovery that was cut short is simply started again.
import PQueue from 'p-queue'
import { asFailure, Failure } from '../domain/errors.js'
import { GLOBALS, MASTER, type SubjectId, subjectName, subjectNamed } from '../domain/subject.js'
import { withSession } from '../postgres/connection.js'
import { databaseExists } from '../postgres/databases.js'
import { parseGlobals } from '../postgres/globals.js'
import { createRoles } from '../postgres/roles.js'
import { maintenanceDatabase } from '../postgres/target.js'
import type { CatalogueEntry } from '../repository/catalogue.js'
import { readText } from '../repository/read-stream.js'
import type { RefreshReport } from '../repository/refresh-report.js'
import { openBackup } from './open-backup.js'
import type { JobContext, Parts } from './parts.js'
import { rebuildCatalogue } from './rebuild-catalogue.js'
import type { RestoreReport, RestoreRequest } from './restore-beside.js'

export interface RecoveryRequest {
  /** Names of the tenants whose users wait most, in that order; the others follow, the smallest first. */
  first: readonly string[]
  /** Databases loaded at once. */
  concurrency: number
}

export interface RecoveryReport {
  /** Roles that were made; those there already are not touched. */
  roles: string[]
  recovered: { report: RestoreReport; gapSeconds: number }[]
  /** Databases that were on the server before, and are as they were. */
  there: { subject: SubjectId; database: string }[]
  failed: { subject: SubjectId; failure: Failure }[]
  /** Objects in the store that are no backup to anyone any more. */
  problems: RefreshReport['problems']
  seconds: number
}

/** Restores beside in a run of its own, so that each tenant has its lock, its journal and its staging database. */
export type RestoreOne = (request: RestoreRequest) => Promise<RestoreReport>

/**
 * Brings back everything the store has a backup of, under its own name.
 * @throws Failure backup-unknown when the store holds nothing, tenant-unknown for a name in `first` without a backup; store-*,
 * key-*, postgres-*. A tenant's own failure is in the report.
 */
export async function recoverPlatform(
  parts: Parts,
  request: RecoveryRequest,
  context: JobContext,
  restoreOne: RestoreOne,
): Promise<RecoveryReport> {
  const startedTicks = parts.clock.ticks()
  const { problems } = await rebuildCatalogue(parts, context)
  const entries = inOrder(parts.catalogue.newest(), request.first)
  const report: RecoveryReport = { roles: [], recovered: [], there: [], failed: [], problems, seconds: 0 }
  await recoverRoles(parts, report, context)
  context.watch?.planned?.(
    entries.map(entry => entry.subject),
    'recovering',
  )
  const queue = new PQueue({ concurrency: request.concurrency })
  const recover = (entry: CatalogueEntry) => recoverOne(parts, entry, report, context, restoreOne)
  // Discovery reads the master, so nothing works as before until it is back.
  const [masters, tenants] = [entries.filter(isMaster), entries.filter(entry => !isMaster(entry))]
  for (const entry of masters) await recover(entry)
  await queue.addAll(tenants.map(entry => () => recover(entry)))
  context.signal.throwIfAborted()
  report.seconds = (parts.clock.ticks() - startedTicks) / 1000
  return report
}

const isMaster = (entry: CatalogueEntry): boolean => entry.subject === MASTER

/** Those asked for first, then the smallest: most tenants are back soonest. Globals are not a database. */
function inOrder(newest: readonly CatalogueEntry[], first: readonly string[]): CatalogueEntry[] {
  const databases = newest.filter(entry => entry.subject !== GLOBALS)
  if (databases.length === 0) {
    throw new Failure('backup-unknown', 'there is no backup of any database in the store', {
      hint: 'check the bucket, its prefix and the identity: `gmah-backup catalogue rebuild` says what cannot be opened',
    })
  }
  const wanted = first.map(subjectNamed)
  const missing = wanted.find(subject => !databases.some(entry => entry.subject === subject))
  if (missing)
    throw new Failure('tenant-unknown', `there is no backup of ${subjectName(missing)} in the store`)
  const place = ({ subject }: CatalogueEntry): number => {
    const at = wanted.indexOf(subject)
    return at < 0 ? wanted.length : at
  }
  return [...databases].sort((a, b) => place(a) - place(b) || a.bytes - b.bytes)
}

/** Without a globals backup the restores say which roles they lack. */
async function recoverRoles(parts: Parts, report: RecoveryReport, { signal }: JobContext): Promise<void> {
  const { postgres } = parts.config
  try {
    const { manifest, key } = await openBackup(parts.repository, GLOBALS, 'latest')
    const script = await readText(parts.repository, key, manifest, { signal })
    const names = [...parseGlobals(script).keys()]
    report.roles = await withSession(postgres, maintenanceDatabase(postgres), { signal }, session =>
      createRoles(session, script, names),
    )
  } catch (thrown) {
    signal.throwIfAborted()
    report.failed.push({ subject: GLOBALS, failure: asFailure(thrown) })
  }
}

async function recoverOne(
  parts: Parts,
  { subject, database }: CatalogueEntry,
  report: RecoveryReport,
  context: JobContext,
  restoreOne: RestoreOne,
): Promise<void> {
  if (context.signal.aborted || database === null) return
  const { postgres } = parts.config
  try {
    const there = await withSession(postgres, maintenanceDatabase(postgres), {}, session =>
      databaseExists(session, database),
    )
    if (there) {
      report.there.push({ subject, database })
      return
    }
    const done = await restoreOne({ subject, backup: 'latest', database, withRoles: true })
    const gapMs = parts.clock.now().getTime() - Date.parse(done.manifest.instant)
    report.recovered.push({ report: done, gapSeconds: Math.max(0, gapMs / 1000) })
    context.watch?.restored?.(done)
  } catch (thrown) {
    const failure = asFailure(thrown)
    report.failed.push({ subject, failure })
    context.watch?.failed?.(subject, failure)
  }
}
