// One backup into one scratch database: roles made as needed, the locale or one that is there, then load and properties.
import type { DumpConfig, PostgresConfig } from '../domain/configuration.js'
import { Failure } from '../domain/errors.js'
import type { DatabaseProperties, DumpFacts } from '../domain/manifest.js'
import { type Session, withSession } from '../postgres/connection.js'
import { applyDatabaseProperties, createDatabaseLike, dropDatabase } from '../postgres/databases.js'
import { parseGlobals } from '../postgres/globals.js'
import { createRoles, missingRoles, rolesOfProperties } from '../postgres/roles.js'
import { splitStatements } from '../postgres/sql-statements.js'
import { maintenanceDatabase, quoteIdentifier } from '../postgres/target.js'
import { findTool, majorOf } from '../postgres/tools.js'
import { loadStream } from '../restore/load.js'
import { checkTarget } from '../restore/preflight.js'
import type { Clock } from '../sys/clock.js'

export interface ScratchLoad {
  /** What the database must be equal to: the backup's facts, but for a locale that the machine does not know. */
  expected: DumpFacts
  /** In what the scratch is not like the original. */
  notes: string[]
  loadSeconds: number
}

export interface ScratchLoadOptions {
  server: PostgresConfig
  database: string
  /** The script of the newest globals backup; null when there is none. */
  globals: string | null
  /** Nobody else's: tablespaces may be made on it. */
  ownServer: boolean
  /** Runs one at a time of all that load at once: roles belong to the server as a whole. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  politeness: DumpConfig
  clock: Clock
  signal: AbortSignal
}

/**
 * Makes the database and loads what pg_dump wrote, whose facts are `dump`, into it. Drop it with `dropScratch`, whatever came of it.
 * @throws Failure extension-missing, version-too-old, restore-failed, object-*, disk-full, postgres-*.
 */
export async function loadIntoScratch(
  dump: DumpFacts,
  stream: () => AsyncIterable<Uint8Array>,
  options: ScratchLoadOptions,
): Promise<ScratchLoad> {
  const { server, database, politeness, clock, signal } = options
  return withSession(server, maintenanceDatabase(server), { signal }, async session => {
    await checkTarget(session, { dump }, database, { withRoles: true })
    const notes = await options.inTurn(async () => {
      if (options.ownServer) await makeTablespaces(session, options.globals)
      return makeRoles(session, dump, options.globals)
    })
    const made = await makeDatabase(session, database, dump.database)
    notes.push(...made.notes)
    const major = Math.max(majorOf(session.server.versionNum), Number.parseInt(dump.client.version, 10))
    const tool = await findTool('pg_restore', major, { directory: server.toolsDirectory })
    const started = clock.ticks()
    await loadStream(stream(), { target: server, database, tool, politeness, signal })
    const loadSeconds = (clock.ticks() - started) / 1000
    await applyDatabaseProperties(session, database, made.properties)
    return { expected: { ...dump, database: made.properties }, notes, loadSeconds }
  })
}

/** On a connection of its own; a server that is gone has taken the database along. */
export async function dropScratch(server: PostgresConfig, database: string): Promise<void> {
  const drop = (session: Session) => dropDatabase(session, database, { force: true })
  await withSession(server, maintenanceDatabase(server), {}, drop).catch(() => {})
}

/** As the globals backup says; one that it does not know is made bare, and noted: a restore would have to do the same. */
async function makeRoles(session: Session, dump: DumpFacts, globals: string | null): Promise<string[]> {
  const missing = await missingRoles(session, [...dump.roles, ...rolesOfProperties(dump.database)])
  if (missing.length === 0) return []
  const script = globals ?? ''
  const known = parseGlobals(script)
  const strangers = missing.filter(name => !known.has(name))
  for (const name of strangers) await session.query(`CREATE ROLE ${quoteIdentifier(name)}`)
  await createRoles(session, script, missing)
  return strangers.map(name => `role ${name} stands in no globals backup: it was made without any rights`)
}

/** By name and in the scratch's own folder: a table says which one it lives in, and must find it. Since 15, and the minors of 2022. */
async function makeTablespaces(session: Session, globals: string | null): Promise<void> {
  const named = splitStatements(globals ?? '')
    .filter(({ words }) => words[0]?.value === 'create' && words[1]?.value === 'tablespace')
    .flatMap(({ words }) => words[2]?.value ?? [])
  if (named.length === 0) return
  const there = await session.query<{ name: string }>(
    'SELECT spcname::text AS name FROM pg_catalog.pg_tablespace',
  )
  const missing = named.filter(name => !there.some(one => one.name === name))
  if (missing.length === 0) return
  await session.run('SET allow_in_place_tablespaces = on')
  for (const name of missing) await session.query(`CREATE TABLESPACE ${quoteIdentifier(name)} LOCATION ''`)
}

/** What every PostgreSQL has: comparison by bytes. Rows and their digests do not depend on it; the order of an index does. */
const FALLBACK: Pick<DatabaseProperties, 'localeProvider' | 'collate' | 'ctype' | 'locale' | 'icuRules'> = {
  localeProvider: 'libc',
  collate: 'C',
  ctype: 'C',
  locale: null,
  icuRules: null,
}

async function makeDatabase(session: Session, name: string, properties: DatabaseProperties) {
  try {
    await createDatabaseLike(session, name, properties)
    return { properties, notes: [] }
  } catch (thrown) {
    if (!isLocaleTrouble(thrown)) throw thrown
    const other = { ...properties, ...FALLBACK }
    await createDatabaseLike(session, name, other)
    const { localeProvider, locale, collate } = properties
    const wanted = `${localeProvider} ${locale ?? collate}`
    return {
      properties: other,
      notes: [
        `the machine does not know the locale ${wanted}: C was taken instead; install it for a full proof`,
      ],
    }
  }
}

/** 22023 and 42809 are what a server says of a locale that its operating system or ICU does not have. */
function isLocaleTrouble(thrown: unknown): boolean {
  if (!(thrown instanceof Failure)) return false
  if (thrown.code === 'version-too-old') return true
  const { cause } = thrown
  const state = cause instanceof Failure ? cause.facts.sqlstate : thrown.facts.sqlstate
  return thrown.code === 'postgres-failed' && (state === '22023' || state === '42809')
}
