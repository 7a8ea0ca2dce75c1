// What a restore would do, found out without changing anything: the backup, what it would cost, what stands in the way.
import { Failure } from '../domain/errors.js'
import type { DumpFacts, Manifest } from '../domain/manifest.js'
import { shellWord } from '../domain/shell-word.js'
import { GLOBALS, type SubjectId, subjectName } from '../domain/subject.js'
import { type Session, withSession } from '../postgres/connection.js'
import { databaseExists } from '../postgres/databases.js'
import { connectionsTo, databaseBytes, dataDirectory, preparedTransactions } from '../postgres/occupancy.js'
import { readProperties } from '../postgres/properties.js'
import { maintenanceDatabase, overSocket } from '../postgres/target.js'
import { majorOf } from '../postgres/tools.js'
import { schemaProblems } from '../restore/live-schema.js'
import { examineTarget } from '../restore/preflight.js'
import { freeBytes } from '../sys/disk.js'
import { compareDatabases } from '../verify/compare-database.js'
import { type ChoiceOptions, type ChosenBackup, chooseBackup } from './choose-backup.js'
import { look } from './list-tenants.js'
import { openArchive, readArchiveManifest } from './open-archive.js'
import type { JobContext, Parts } from './parts.js'
import { plannedPart } from './planned-part.js'
import {
  askedInstant,
  type LiveDatabase,
  type PlannedPart,
  type PlanRequest,
  plannedBackup,
  planProblem,
  type RestorePlan,
  secondsBetween,
} from './restore-plan.js'
import { expectedDump, expectedRestore } from './restore-rate.js'
import { youngerThan } from './younger-than.js'

/** Indexes are no part of a dump: a database without a live twin is taken for twice its dump. */
const DISK_A_DUMP = 2
/** Proven apart first, then copied over. */
const COPIES_INTO_A_SCHEMA = 2

export interface PlannedRestore {
  plan: RestorePlan
  chosen: ChosenBackup & { dump: DumpFacts }
}

/**
 * Reads only. What stands in the way is in `problems`, not thrown.
 * @throws Failure backup-unknown, usage, key-wrong, store-*, postgres-*: when nothing could be planned at all; the failure
 * of the newest backup when none is sound.
 */
export async function planRestore(
  parts: Parts,
  request: PlanRequest,
  context: Pick<JobContext, 'signal'>,
  options: Omit<ChoiceOptions, 'signal'> = {},
): Promise<PlannedRestore> {
  const { signal } = context
  refuseGlobals(request.subject)
  const chosen = await chooseBackup(parts.repository, request.subject, request.backup, {
    signal,
    ...options,
  })
  const dump = dumpOf(chosen.manifest)
  const part = await plannedPart(parts, request, { ...chosen, dump }, signal)
  const live = await liveName(parts, request.subject, dump, signal)
  const { postgres } = parts.config
  const plan = await withSession(postgres, maintenanceDatabase(postgres), { signal }, session =>
    describe(parts, session, request, chosen, { dump, part, live, signal }),
  )
  return { plan, chosen: { ...chosen, dump } }
}

/** The same of the backup in a monthly archive, beside. @throws Failure archive-unknown, key-wrong, object-*, postgres-*. */
export async function planArchive(
  parts: Parts,
  request: PlanRequest & { archive: string },
  { signal }: Pick<JobContext, 'signal'>,
): Promise<RestorePlan> {
  const archive = await openArchive(parts, request.subject, request.archive, signal)
  const { backup: manifest } = await readArchiveManifest(archive)
  const dump = dumpOf(manifest)
  const live = await liveName(parts, request.subject, dump, signal)
  const chosen = { manifest, passedOver: [], sayings: { proofs: new Map() }, archive: archive.stored.name }
  const { postgres } = parts.config
  return withSession(postgres, maintenanceDatabase(postgres), { signal }, session =>
    describe(parts, session, { ...request, backup: 'latest' }, chosen, { dump, part: null, live, signal }),
  )
}

interface Chosen extends Pick<ChosenBackup, 'manifest' | 'passedOver'> {
  sayings: Pick<ChosenBackup['sayings'], 'proofs'>
  archive?: string | null
}

interface Found {
  dump: DumpFacts
  part: PlannedPart | null
  live: string
  signal: AbortSignal
}

async function describe(
  parts: Parts,
  session: Session,
  request: PlanRequest,
  { manifest, passedOver, sayings, archive = null }: Chosen,
  { dump, part, live, signal }: Found,
): Promise<RestorePlan> {
  const { intoSchema = null } = request
  const inPlace = request.database === null && intoSchema === null
  const now = parts.clock.now()
  const check = await examineTarget(session, manifest, request.database, request)
  const there = (await databaseExists(session, live)) ? await liveState(session, live, dump) : null
  const loaded = (part?.bytes ?? manifest.stream.bytes) * (intoSchema === null ? 1 : COPIES_INTO_A_SCHEMA)
  const disk = await diskFor(
    parts,
    session,
    Math.max(inPlace ? (there?.bytes ?? 0) : 0, loaded * DISK_A_DUMP),
  )
  const asked = askedInstant(request.backup)
  const problems = [
    ...check.problems,
    ...(inPlace && there ? await renameProblems(session, live) : []),
    ...(intoSchema === null
      ? []
      : await schemaProblems(parts.config.postgres, session, live, intoSchema, signal)),
    ...diskProblems(disk),
  ]
  return {
    subject: request.subject,
    inPlace,
    database: request.database ?? live,
    intoSchema,
    backup: plannedBackup(manifest, now),
    archive,
    part,
    gapSeconds: asked ? secondsBetween(manifest.instant, asked) : null,
    passedOver,
    expected: {
      ...expectedRestore(parts, manifest, sayings, loaded),
      safetyCopySeconds: inPlace && there ? expectedDump(parts, request.subject) : 0,
    },
    live: there,
    younger: await youngerThan(parts, session, manifest, { dump, part, live: there ? live : null, signal }),
    missingRoles: check.missingRoles,
    versions: { backup: dump.server.version, server: session.server.version },
    disk,
    problems: problems.map(planProblem),
  }
}

/** The database that the subject has on the server; when it is gone, the one that it had when the backup was made. */
export async function liveName(
  parts: Parts,
  subject: SubjectId,
  dump: DumpFacts,
  signal: AbortSignal,
): Promise<string> {
  const found = (await look(parts, signal)).subjects.find(one => one.id === subject)
  return found && found.kind !== 'globals' ? found.database : dump.database.name
}

async function liveState(session: Session, database: string, dump: DumpFacts): Promise<LiveDatabase> {
  const sameMajor = majorOf(session.server.versionNum) === majorOf(dump.server.versionNum)
  const changes = compareDatabases(dump.database, await readProperties(session, database), sameMajor)
  return {
    database,
    bytes: await databaseBytes(session, database),
    connections: await connectionsTo(session, database),
    changes: changes.map(({ name, backup, restored }) => ({ name, backup, now: restored })),
  }
}

async function diskFor(
  { config }: Parts,
  session: Session,
  neededBytes: number,
): Promise<RestorePlan['disk']> {
  const folder = overSocket(config.postgres) ? await dataDirectory(session) : null
  return {
    neededBytes,
    freeBytes: folder === null ? null : await freeBytes(folder),
  }
}

function diskProblems({ neededBytes, freeBytes: free }: RestorePlan['disk']): Failure[] {
  if (free === null || free >= neededBytes) return []
  return [
    new Failure('disk-full', `the server's disk has ${free} bytes free, about ${neededBytes} are needed`, {
      hint: 'free space on the disk of the PostgreSQL server: the old database stays beside the new one',
    }),
  ]
}

async function renameProblems(session: Session, live: string): Promise<Failure[]> {
  const prepared = await preparedTransactions(session, live)
  if (prepared.length === 0) return []
  const message = `${live} has ${prepared.length} prepared transactions: ${prepared.slice(0, 3).join(', ')}`
  return [
    new Failure('swap-blocked', message, {
      hint: `in ${live}, COMMIT PREPARED or ROLLBACK PREPARED each of pg_prepared_xacts: with one of them it cannot be renamed`,
    }),
  ]
}

function refuseGlobals(subject: SubjectId): void {
  if (subject !== GLOBALS) return
  throw new Failure('usage', `${subjectName(subject)} is a script, not a database`, {
    hint: `type \`gmah-backup backup export ${shellWord(subjectName(subject))} --to globals.sql\` and read it`,
  })
}

export function dumpOf(manifest: Manifest): DumpFacts {
  if (manifest.dump) return manifest.dump
  throw new Failure('manifest-invalid', `backup ${manifest.backup} is not of a database`)
}
