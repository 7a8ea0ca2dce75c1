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
import { loadBackup } from '../restore/load.js'
import { assertProven, type Proof, prove } from '../verify/proof.js'
import { chooseBackup } from './choose-backup.js'
import type { OpenedBackup } from './open-backup.js'
import { type JobContext, type Parts, progressOf } from './parts.js'

export interface Loaded {
  /** `restoring_<run>`: the caller renames it, or drops it. */
  staging: string
  proof: Proof
  /** What load and proof took together. */
  seconds: number
}

export interface LoadRequest extends OpenedBackup {
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
    await createMissingRoles(parts, session, request.missingRoles, context)
    const proof = await loadAndProve(parts, session, staging, request, context)
    return { staging, proof, seconds: (parts.clock.ticks() - startedTicks) / 1000 }
  } catch (thrown) {
    await dropStaging(parts.config.postgres, staging)
    tellDifferences(thrown, request, context)
    throw thrown
  }
}

async function loadAndProve(
  parts: Parts,
  session: Session,
  staging: string,
  { key, manifest, dump, database }: LoadRequest,
  context: JobContext,
): Promise<Proof> {
  const { postgres, dump: politeness } = parts.config
  const { signal } = context
  const progress = (phase: 'load' | 'prove') =>
    progressOf(context, manifest.subject, phase, manifest.stream.bytes)
  await createDatabaseLike(session, staging, dump.database)
  const tool = await findTool('pg_restore', restoringMajor(session.server, dump), {
    directory: postgres.toolsDirectory,
  })
  const load = { target: postgres, database: staging, tool, politeness, signal, onBytes: progress('load') }
  await loadBackup(parts.repository, key, manifest, load)
  await applyDatabaseProperties(session, staging, dump.database)
  const startedTicks = parts.clock.ticks()
  const proof = await prove(postgres, staging, dump, { politeness, signal, onBytes: progress('prove') })
  assertProven(proof, database)
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
  names: string[],
  context: JobContext,
): Promise<void> {
  if (names.length === 0) return
  const { signal } = context
  const { manifest, key } = await chooseBackup(parts.repository, GLOBALS, 'latest', { signal })
  const script = await readText(parts.repository, key, manifest, { signal })
  await createRoles(session, script, names)
}

/**
 * On a connection of its own: the job's may be what broke. When the server is away the staging database stays, and the
 * next start drops it: the failure that brought us here is the one to tell.
 */
export async function dropStaging(postgres: PostgresConfig, staging: string): Promise<void> {
  const drop = (session: Session) => dropDatabase(session, staging, { force: true })
  await withSession(postgres, maintenanceDatabase(postgres), {}, drop).catch(() => {})
}
