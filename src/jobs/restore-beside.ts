// A restore beside: a new database with the backup in it, proven table by table before it gets the asked name.
import { Failure } from '../domain/errors.js'
import type { BackupId } from '../domain/ids.js'
import type { Manifest } from '../domain/manifest.js'
import { shellWord } from '../domain/shell-word.js'
import { GLOBALS, type SubjectId, subjectName } from '../domain/subject.js'
import type { TableName } from '../postgres/archive/choose-entries.js'
import { withSession } from '../postgres/connection.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { partOfBackup } from '../restore/load-tables.js'
import { checkTarget } from '../restore/preflight.js'
import type { Proof } from '../verify/proof.js'
import { chooseBackup, type PassedOver } from './choose-backup.js'
import { loadAs } from './load-proven.js'
import type { JobContext, Parts } from './parts.js'
import type { JobEnd } from './runner.js'
import { takeSound } from './take-sound.js'
import { type Begin, tellRestore } from './tell-restore.js'

export interface RestoreRequest {
  subject: SubjectId
  /** `latest`, a backup id or its beginning, or an instant (the newest not after it). */
  backup: string
  /** Name of the new database. */
  database: string
  withRoles: boolean
  /** Only these tables, with what they need and what belongs to them; all that there is when it is left out. */
  tables?: readonly TableName[] | undefined
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
export function restoreBeside(
  parts: Parts,
  request: RestoreRequest,
  context: JobContext,
): Promise<RestoreReport> {
  return tellRestore(parts, context, request.database, begin =>
    takeSound(context, without => attempt(parts, request, context, { without, begin })),
  )
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
  { without, begin }: { without: ReadonlyMap<BackupId, Failure>; begin: Begin },
): Promise<RestoreReport> {
  const { postgres } = parts.config
  const { signal } = context
  const choice = { signal, without }
  const { key, manifest, passedOver } = await chooseBackup(parts.repository, subject, wanted, choice)
  const whole = dumpOf(manifest)
  begin(manifest)
  return withSession(postgres, maintenanceDatabase(postgres), { signal }, async session => {
    const { missingRoles } = await checkTarget(session, manifest, database, { withRoles })
    const part = tables && (await partOfBackup(parts.repository, key, manifest, whole, tables, { signal }))
    const what = part ? { part, dump: part.dump } : { dump: whole }
    const request = { key, manifest, ...what, missingRoles, database }
    const { proof, seconds } = await loadAs(parts, session, request, context)
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
