// A restore beside: a new database with the backup in it, proven table by table before it gets the asked name.
import type { PostgresConfig } from '../domain/configuration.js'
import { asFailure, Failure } from '../domain/errors.js'
import type { BackupId } from '../domain/ids.js'
import type { DumpFacts, Manifest } from '../domain/manifest.js'
import { shellWord } from '../domain/shell-word.js'
import { GLOBALS, type SubjectId, subjectName } from '../domain/subject.js'
import { type Session, withSession } from '../postgres/connection.js'
import {
  applyDatabaseProperties,
  createDatabaseLike,
  dropDatabase,
  renameDatabase,
} from '../postgres/databases.js'
import { createRoles } from '../postgres/roles.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { findTool, majorOf } from '../postgres/tools.js'
import { readStream } from '../repository/read-stream.js'
import { loadBackup } from '../restore/load.js'
import { checkTarget } from '../restore/preflight.js'
import { assertProven, type Proof, prove } from '../verify/proof.js'
import { errorFacts } from './journal-rows.js'
import { type OpenedBackup, openBackup, type PassedOver, tellPassedOver } from './open-backup.js'
import { type JobContext, type Parts, progressOf } from './parts.js'
import { stagingName } from './sweep-staging.js'

export interface RestoreRequest {
  subject: SubjectId
  /** `latest`, a backup id or its beginning, or an instant. */
  backup: string
  /** Name of the new database. */
  database: string
  withRoles: boolean
}

export interface RestoreReport {
  manifest: Manifest
  database: string
  createdRoles: string[]
  proof: Proof
  /** Newer backups that were meant as much, and are broken. */
  passedOver: PassedOver[]
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
  let backup: BackupId | null = null
  try {
    const opened = await openBackup(parts.repository, request.subject, request.backup)
    backup = opened.manifest.backup
    tellPassedOver(opened, context)
    context.emit({ type: 'restore-started', facts: { backup, target: request.database } })
    const report = await loadAndProve(parts, request, opened, context)
    tellSuccess(report, Math.round(parts.clock.ticks() - startedTicks), context)
    return report
  } catch (thrown) {
    tellFailure(asFailure(thrown), backup, request, context)
    throw thrown
  }
}

async function loadAndProve(
  parts: Parts,
  request: RestoreRequest,
  { manifest, key, passedOver }: OpenedBackup,
  context: JobContext,
): Promise<RestoreReport> {
  const { postgres, dump } = parts.config
  const facts = dumpOf(manifest)
  const staging = stagingName(context.run)
  return withSession(postgres, maintenanceDatabase(postgres), { signal: context.signal }, async session => {
    try {
      const plan = await checkTarget(session, manifest, request.database, request)
      if (plan.missingRoles.length > 0) await createMissingRoles(parts, session, plan.missingRoles, context)
      await createDatabaseLike(session, staging, facts.database)
      const tool = await findTool('pg_restore', restoringMajor(session.server, facts), {
        directory: postgres.toolsDirectory,
      })
      await loadBackup(parts.repository, key, manifest, {
        target: postgres,
        database: staging,
        tool,
        politeness: dump,
        signal: context.signal,
        onBytes: progressOf(context, request.subject, 'load', manifest.stream.bytes),
      })
      await applyDatabaseProperties(session, staging, facts.database)
      const proof = await prove(postgres, staging, facts, {
        politeness: dump,
        signal: context.signal,
        onBytes: progressOf(context, request.subject, 'prove', manifest.stream.bytes),
      })
      assertProven(proof, request.database)
      await renameDatabase(session, staging, request.database)
      return { manifest, database: request.database, createdRoles: plan.missingRoles, proof, passedOver }
    } catch (thrown) {
      await dropStaging(postgres, staging)
      throw thrown
    }
  })
}

function tellSuccess(
  { manifest, database, proof }: RestoreReport,
  durationMs: number,
  context: JobContext,
): void {
  const { backup } = manifest
  const { tables, rows } = proof
  context.emit({ type: 'proof-passed', facts: { backup, tables, rows, durationMs } })
  context.emit({ type: 'restore-finished', facts: { backup, target: database, durationMs } })
}

function tellFailure(
  failure: Failure,
  backup: BackupId | null,
  request: RestoreRequest,
  context: JobContext,
): void {
  if (failure.code === 'proof-failed' && backup) {
    context.emit({ type: 'proof-failed', facts: { backup, differences: [failure.message] } })
  }
  const error = errorFacts(failure)
  context.emit({ type: 'restore-failed', facts: { backup, target: request.database, error } })
}

/** The target's own major: a newer pg_restore sends settings that it does not know. But never older than what made the archive. */
const restoringMajor = ({ versionNum }: Session['server'], { client }: DumpFacts): number =>
  Math.max(majorOf(versionNum), Number.parseInt(client.version, 10))

function dumpOf(manifest: Manifest): DumpFacts {
  if (manifest.dump) return manifest.dump
  throw new Failure('usage', `${subjectName(manifest.subject)} is a script, not a database`, {
    hint: `type \`gmah-backup backup export ${shellWord(subjectName(manifest.subject))} --to globals.sql\` and read it`,
  })
}

async function createMissingRoles(
  parts: Parts,
  session: Session,
  names: string[],
  context: JobContext,
): Promise<void> {
  const { manifest, key } = await openBackup(parts.repository, GLOBALS, 'latest')
  const script: Uint8Array[] = []
  for await (const part of readStream(parts.repository, key, manifest, { signal: context.signal }))
    script.push(part)
  await createRoles(session, Buffer.concat(script).toString('utf8'), names)
}

/**
 * On a connection of its own: the job's may be what broke. When the server is away the staging database stays, and the
 * next start drops it: the failure that brought us here is the one to tell.
 */
async function dropStaging(postgres: PostgresConfig, staging: string): Promise<void> {
  const drop = (session: Session) => dropDatabase(session, staging, { force: true })
  await withSession(postgres, maintenanceDatabase(postgres), {}, drop).catch(() => {})
}
