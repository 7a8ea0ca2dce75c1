// Some tables of a backup into a schema of their own in the live database, beside what is there: loaded and proven in a
// database apart, copied over in one transaction, proven again, and only then given the asked name.
import type { Failure } from '../domain/errors.js'
import type { BackupId } from '../domain/ids.js'
import type { DumpFacts } from '../domain/manifest.js'
import { schemaNote, UNPROVEN_NOTE } from '../domain/restore-names.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import type { TableName } from '../postgres/archive/choose-entries.js'
import { type Session, withSession } from '../postgres/connection.js'
import { commentOn, databaseOid } from '../postgres/databases.js'
import { extensionHomes, gatherInto, NO_TRIGGERS, surroundingsOf } from '../postgres/schemas.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { findTool, majorOf } from '../postgres/tools.js'
import { copySchema } from '../restore/copy-schema.js'
import { giveSchemaName } from '../restore/give-name.js'
import { assertExtensions, dropUnprovenSchema, schemaProblems } from '../restore/live-schema.js'
import { partOfBackup } from '../restore/load-tables.js'
import { checkTarget } from '../restore/preflight.js'
import { restoreLeaseKey } from '../store/keys.js'
import { assertProven, type Proof } from '../verify/proof.js'
import { proveSchema } from '../verify/prove-schema.js'
import { chooseBackup } from './choose-backup.js'
import { dropStaging, loadProven } from './load-proven.js'
import { finish, type JobContext, type Parts, progressOf } from './parts.js'
import { dumpOf, liveName } from './plan-restore.js'
import type { RestoreReport } from './restore-beside.js'
import { withSubjectLease } from './subject-lease.js'
import { takeSound } from './take-sound.js'
import { type Begin, tellRestore } from './tell-restore.js'

export interface SchemaRequest {
  subject: SubjectId
  /** `latest`, a backup id or its beginning, or an instant (the newest not after it). */
  backup: string
  tables: readonly TableName[]
  /** Name of the new schema in the subject's live database. */
  intoSchema: string
  withRoles: boolean
}

export interface SchemaReport extends RestoreReport {
  schema: string
}

/**
 * Nothing that is in the live database is touched; when this rejects, it has nothing new.
 * @throws Failure target-exists, target-invalid, tenant-unknown; of the load or either proof; subject-busy.
 */
export function restoreIntoSchema(
  parts: Parts,
  request: SchemaRequest,
  outer: JobContext,
): Promise<SchemaReport> {
  const { subject, intoSchema } = request
  const target = `${subjectName(subject)}, schema ${intoSchema}`
  const restoreThere = (context: JobContext) =>
    tellRestore(parts, context, target, begin =>
      takeSound(context, without => attempt(parts, request, context, { without, begin })),
    )
  // A restore in place would put the live database aside meanwhile.
  return withSubjectLease(parts, subject, outer, restoreThere, { key: restoreLeaseKey(subject) })
}

async function attempt(
  parts: Parts,
  { subject, backup: wanted, tables, intoSchema, withRoles }: SchemaRequest,
  context: JobContext,
  { without, begin }: { without: ReadonlyMap<BackupId, Failure>; begin: Begin },
): Promise<SchemaReport> {
  const { repository, config } = parts
  const { signal } = context
  const { key, manifest, passedOver } = await chooseBackup(repository, subject, wanted, { signal, without })
  const whole = dumpOf(manifest)
  const live = await liveName(parts, subject, whole, signal)
  begin(manifest, `${live}, schema ${intoSchema}`)
  return withSession(config.postgres, maintenanceDatabase(config.postgres), { signal }, async session => {
    const [problem] = await schemaProblems(config.postgres, session, live, intoSchema, signal)
    if (problem) throw problem
    const { missingRoles } = await checkTarget(session, manifest, null, { withRoles })
    const part = await partOfBackup(repository, key, manifest, whole, tables, { signal })
    const load = { key, manifest, part, dump: part.dump, missingRoles, database: live }
    const { staging, proof, seconds } = await loadProven(parts, session, load, context)
    const moving = { subject, from: staging, to: live, schema: staging, intoSchema }
    try {
      const oid = await databaseOid(session, live)
      if (oid !== null) await commentOn(session, staging, schemaNote(live, oid))
      const again = await moveOver(parts, session, moving, part.dump, context)
      await dropStaging(config.postgres, staging)
      const done = { manifest, database: live, schema: intoSchema, createdRoles: missingRoles, passedOver }
      return { ...done, proof: { ...proof, reordered: again.reordered }, loadSeconds: seconds, partial: true }
    } catch (thrown) {
      // Where the first cannot be done the second must not be: the note on the staging database tells the next start.
      await dropUnprovenSchema(config.postgres, live, staging)
        .then(() => dropStaging(config.postgres, staging))
        .catch(() => {})
      throw thrown
    }
  })
}

interface Moving {
  subject: SubjectId
  from: string
  to: string
  /** The run's own, until all is proven. */
  schema: string
  intoSchema: string
}

async function moveOver(
  { config }: Parts,
  { server }: Session,
  { subject, from, to, schema, intoSchema }: Moving,
  backup: DumpFacts,
  context: JobContext,
): Promise<Proof> {
  const { postgres, dump: politeness } = config
  const { signal } = context
  const progress = (phase: 'load' | 'prove') => progressOf(context, subject, phase, null)
  const needed = await withSession(postgres, from, { signal }, async session => {
    await gatherInto(session, schema, UNPROVEN_NOTE)
    return extensionHomes(session)
  })
  const silence = await withSession(postgres, to, { signal }, async session => {
    assertExtensions(to, needed, await extensionHomes(session))
    return (await surroundingsOf(session)).silence
  })
  const directory = { directory: postgres.toolsDirectory }
  const tool = await findTool('pg_restore', majorOf(server.versionNum), directory)
  const dumpTool = await findTool('pg_dump', majorOf(server.versionNum), directory)
  await copySchema({
    ...{ target: postgres, from, database: to, schema, tool, dumpTool, politeness, signal },
    lockWaitTimeoutMs: postgres.lockWaitTimeoutMs,
    onBytes: progress('load'),
    ...(silence ? { settings: [NO_TRIGGERS] } : {}),
  })
  const options = { politeness, signal, onBytes: progress('prove') }
  const proof = await proveSchema(postgres, server, { from, to, schema }, backup, options)
  assertProven(proof, `${to}, schema ${intoSchema}`)
  finish(context, `the schema ${intoSchema} gets its name`)
  await giveSchemaName(postgres, to, schema, intoSchema)
  return proof
}
