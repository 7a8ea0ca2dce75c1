// A restore beside: a new database with the backup in it, proven table by table before it gets the asked name.
import { asFailure, Failure } from '../domain/errors.js'
import type { BackupId } from '../domain/ids.js'
import type { Manifest } from '../domain/manifest.js'
import { shellWord } from '../domain/shell-word.js'
import { GLOBALS, type SubjectId, subjectName } from '../domain/subject.js'
import type { TableName } from '../postgres/archive/choose-entries.js'
import { withSession } from '../postgres/connection.js'
import { renameDatabase } from '../postgres/databases.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { partOfBackup } from '../restore/load-tables.js'
import { checkTarget } from '../restore/preflight.js'
import type { Proof } from '../verify/proof.js'
import { chooseBackup, type PassedOver } from './choose-backup.js'
import { errorFacts } from './journal-rows.js'
import { dropStaging, loadProven } from './load-proven.js'
import type { JobContext, Parts } from './parts.js'
import type { JobEnd } from './runner.js'
import { takeSound } from './take-sound.js'

export interface RestoreRequest {
  subject: SubjectId
  /** `latest`, a backup id or its beginning, or an instant (the newest not after it). */
  backup: string
  /** Name of the new database. */
  database: string
  withRoles: boolean
  /** Only these tables, with what they need and what belongs to them; all that there is when it is left out. */
  tables?: readonly TableName[]
}

export interface RestoreReport {
  manifest: Manifest
  database: string
  createdRoles: string[]
  /** Newer backups that turned out to be broken. */
  passedOver: PassedOver[]
  proof: Proof
  /** What load and proof took. */
  loadSeconds: number
  /** True when only some tables were asked for. */
  partial?: boolean
}

/**
 * Restores a backup into a new database of the configured server. The asked name appears only when everything is proven;
 * until then the data is in `restoring_<run>`, which is dropped on any failure.
 * @throws Failure of the preflight, the load or the proof.
 */
export async function restoreBeside(
  parts: Parts,
  request: RestoreRequest,
  context: JobContext,
): Promise<RestoreReport> {
  const startedTicks = parts.clock.ticks()
  const tried: { backup: BackupId | null } = { backup: null }
  const target = request.database
  try {
    const report = await takeSound(context, without => attempt(parts, request, context, without, tried))
    const durationMs = Math.round(parts.clock.ticks() - startedTicks)
    const { backup } = report.manifest
    context.emit({ type: 'restore-finished', facts: { backup, target, durationMs } })
    return report
  } catch (thrown) {
    const error = errorFacts(asFailure(thrown))
    context.emit({ type: 'restore-failed', facts: { backup: tried.backup, target, error } })
    throw thrown
  }
}

/** How the run ends: what the next plan learns this tenant's speed from. */
export function endOfRestore(done: Pick<RestoreReport, 'manifest' | 'loadSeconds' | 'partial'>): JobEnd {
  const { backup, stream } = done.manifest
  if (done.partial) return { outcome: 'succeeded', facts: { backup, partial: true } }
  return { outcome: 'succeeded', facts: { backup, loadedBytes: stream.bytes, loadSeconds: done.loadSeconds } }
}

async function attempt(
  parts: Parts,
  { subject, backup: wanted, database, withRoles, tables }: RestoreRequest,
  context: JobContext,
  without: ReadonlyMap<BackupId, Failure>,
  tried: { backup: BackupId | null },
): Promise<RestoreReport> {
  const { postgres } = parts.config
  const { signal } = context
  const { key, manifest, passedOver } = await chooseBackup(parts.repository, subject, wanted, {
    signal,
    without,
  })
  const whole = dumpOf(manifest)
  tried.backup = manifest.backup
  context.emit({ type: 'restore-started', facts: { backup: manifest.backup, target: database } })
  return withSession(postgres, maintenanceDatabase(postgres), { signal }, async session => {
    const { missingRoles } = await checkTarget(session, manifest, database, { withRoles })
    const part = tables && (await partOfBackup(parts.repository, key, manifest, whole, tables, { signal }))
    const what = part ? { part, dump: part.dump } : { dump: whole }
    const request = { key, manifest, ...what, missingRoles, database }
    const { staging, proof, seconds } = await loadProven(parts, session, request, context)
    try {
      await renameDatabase(session, staging, database)
    } catch (thrown) {
      await dropStaging(postgres, staging)
      throw thrown
    }
    const made = { manifest, database, createdRoles: missingRoles, passedOver }
    return { ...made, proof, loadSeconds: seconds, partial: tables !== undefined }
  })
}

function dumpOf(manifest: Manifest): NonNullable<Manifest['dump']> {
  if (manifest.dump) return manifest.dump
  const name = shellWord(subjectName(GLOBALS))
  throw new Failure('usage', `${subjectName(manifest.subject)} is a script, not a database`, {
    hint: `type \`gmah-backup backup export ${name} --to globals.sql\` and read it`,
  })
}
