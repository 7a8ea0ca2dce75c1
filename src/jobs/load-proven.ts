// The middle of every restore: a backup loaded into a database of the run's own, and proven there, before it gets a name.
import type { PostgresConfig } from '../domain/configuration.js'
import { asFailure } from '../domain/errors.js'
import type { DumpFacts } from '../domain/manifest.js'
import { stagingName } from '../domain/restore-names.js'
import { GLOBALS } from '../domain/subject.js'
import { type Session, withSession } from '../postgres/connection.js'
import { applyDatabaseProperties, createDatabaseLike, dropDatabase } from '../postgres/databases.js'
import { createRoles } from '../postgres/roles.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { findTool, majorOf } from '../postgres/tools.js'
import { readText } from '../repository/read-stream.js'
import { giveDatabaseName } from '../restore/give-name.js'
import { loadBackup, loadStream } from '../restore/load.js'
import { loadTables, type PartOfBackup } from '../restore/load-tables.js'
import { throwIfInterrupted } from '../sys/interruption.js'
import { assertProven, type Proof, prove } from '../verify/proof.js'
import { chooseBackup } from './choose-backup.js'
import type { OpenedBackup } from './open-backup.js'
import { finish, type JobContext, type Parts, progressOf } from './parts.js'

export interface Loaded {
  /** `restoring_<run>`: the caller renames it, or drops it. */
  staging: string
  proof: Proof
  /** What load and proof took together. */
  seconds: number
}

/** Where a dump comes from when it is not a backup's chunks. */
export interface DumpSource {
  stream(onBytes: (bytes: number) => void): AsyncIterable<Uint8Array>
  /** A script that makes the roles it needs. */
  globals(): Promise<string>
}

export interface LoadRequest extends Pick<OpenedBackup, 'manifest'> {
  /** Of the backup's chunks; null: `source` has the dump. */
  key: OpenedBackup['key'] | null
  source?: DumpSource
  /** Only these tables; `dump` then tells of them alone. */
  part?: PartOfBackup
  dump: DumpFacts
  missingRoles: string[]
  /** The name that it is to get, for messages. */
  database: string
}

/**
 * Creates the roles that are missing, loads, and proves. When this rejects nothing is left but the roles.
 * @throws Failure roles-missing, restore-failed, proof-failed, object-missing, object-corrupt, postgres-*.
 */
export async function loadProven(
  parts: Parts,
  session: Session,
  request: LoadRequest,
  context: JobContext,
): Promise<Loaded> {
  const startedTicks = parts.clock.ticks()
  const staging = stagingName(context.run)
  try {
    await createMissingRoles(parts, session, request, context)
    const proof = await loadAndProve(parts, session, staging, request, context)
    return { staging, proof, seconds: (parts.clock.ticks() - startedTicks) / 1000 }
  } catch (thrown) {
    await dropStaging(parts.config.postgres, staging)
    tellDifferences(thrown, request, context)
    throw thrown
  }
}

/** The same, under the name that was asked for. @throws Failure as loadProven; target-exists: nothing is left. */
export async function loadAs(
  parts: Parts,
  session: Session,
  request: LoadRequest,
  context: JobContext,
): Promise<Loaded> {
  const loaded = await loadProven(parts, session, request, context)
  try {
    finish(context, `the database ${request.database} gets its name`)
    await giveDatabaseName(parts.config.postgres, loaded.staging, request.database)
    return loaded
  } catch (thrown) {
    await dropStaging(parts.config.postgres, loaded.staging)
    throw thrown
  }
}

async function loadAndProve(
  parts: Parts,
  session: Session,
  staging: string,
  { key, source, part, manifest, dump, database }: LoadRequest,
  context: JobContext,
): Promise<Proof> {
  const { postgres, dump: politeness } = parts.config
  const { signal } = context
  const progress = (phase: 'load' | 'prove') =>
    progressOf(context, manifest.subject, phase, manifest.stream.bytes)
  // Not cut short by a signal: the server would go on with it alone, and make the database after we had looked.
  await withSession(postgres, maintenanceDatabase(postgres), {}, alone =>
    createDatabaseLike(alone, staging, dump.database),
  )
  throwIfInterrupted(signal)
  const tool = await findTool('pg_restore', restoringMajor(session.server, dump), {
    directory: postgres.toolsDirectory,
  })
  const load = { target: postgres, database: staging, tool, politeness, signal, onBytes: progress('load') }
  if (source) await loadStream(source.stream(load.onBytes), load)
  else if (key && part)
    await loadTables(parts.repository, key, manifest, part, { ...load, folder: parts.config.stateDirectory })
  else if (key) await loadBackup(parts.repository, key, manifest, load)
  await applyDatabaseProperties(session, staging, dump.database)
  const startedTicks = parts.clock.ticks()
  const proof = await prove(postgres, staging, dump, { politeness, signal, onBytes: progress('prove') })
  assertProven(proof, database)
  // Of some tables it says nothing about the backup as a whole.
  if (part) return proof
  const { tables, rows } = proof
  const durationMs = Math.round(parts.clock.ticks() - startedTicks)
  context.emit({ type: 'proof-passed', facts: { backup: manifest.backup, tables, rows, durationMs } })
  return proof
}

function tellDifferences(thrown: unknown, { manifest }: LoadRequest, context: JobContext): void {
  const { code, message } = asFailure(thrown)
  if (code !== 'proof-failed') return
  context.emit({ type: 'proof-failed', facts: { backup: manifest.backup, differences: [message] } })
}

/** The target's own major: a newer pg_restore sends settings that it does not know. But never older than what made the archive. */
const restoringMajor = ({ versionNum }: Session['server'], { client }: DumpFacts): number =>
  Math.max(majorOf(versionNum), Number.parseInt(client.version, 10))

async function createMissingRoles(
  parts: Parts,
  session: Session,
  { missingRoles, source }: LoadRequest,
  context: JobContext,
): Promise<void> {
  if (missingRoles.length === 0) return
  const script = source ? await source.globals() : await newestGlobals(parts, context)
  await createRoles(session, script, missingRoles)
}

async function newestGlobals(parts: Parts, { signal }: JobContext): Promise<string> {
  const { manifest, key } = await chooseBackup(parts.repository, GLOBALS, 'latest', { signal })
  return readText(parts.repository, key, manifest, { signal })
}

/**
 * On a connection of its own: the job's may be what broke. When the server is away the staging database stays, and the
 * next start drops it: the failure that brought us here is the one to tell.
 */
export async function dropStaging(postgres: PostgresConfig, staging: string): Promise<void> {
  const drop = (session: Session) => dropDatabase(session, staging, { force: true })
  await withSession(postgres, maintenanceDatabase(postgres), {}, drop).catch(() => {})
}
