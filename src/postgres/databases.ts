// Databases as wholes: make one like another, give it what it had, rename, empty of connections, drop.
// Every step is one statement or one transaction, so that each either happened or did not.
import { Failure } from '../domain/errors.js'
import type { DatabaseProperties } from '../domain/manifest.js'
import { aclStatements } from './acl.js'
import type { Session } from './connection.js'
import { readProperties } from './properties.js'
import { assertRoles, rolesOfProperties } from './roles.js'
import { setClause } from './settings.js'
import { sqlstate } from './sqlstate.js'
import { checkDatabaseName, quoteIdentifier, quoteLiteral } from './target.js'

export async function databaseExists(session: Session, name: string): Promise<boolean> {
  const rows = await session.query('SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1', [name])
  return rows.length > 0
}

/**
 * An empty database with the encoding, locale, tablespace (where there is one of that name) and owner of `properties`.
 * @throws Failure target-exists, target-invalid, version-too-old (the locale provider), roles-missing (the owner), postgres-*.
 */
export async function createDatabaseLike(
  session: Session,
  name: string,
  properties: DatabaseProperties,
  options: { owner?: string } = {},
): Promise<void> {
  checkDatabaseName(name)
  const owner = options.owner ?? properties.owner
  await assertRoles(session, [owner])
  const tablespace = (await hasTablespace(session, properties.tablespace)) ? properties.tablespace : null
  const clauses = [
    `OWNER ${quoteIdentifier(owner)}`,
    `TEMPLATE template0 ENCODING ${quoteLiteral(properties.encoding)}`,
    ...localeClauses(properties, session.server.versionNum),
    ...(tablespace === null ? [] : [`TABLESPACE ${quoteIdentifier(tablespace)}`]),
    `CONNECTION LIMIT ${properties.connectionLimit}`,
  ]
  try {
    await session.query(`CREATE DATABASE ${quoteIdentifier(name)} ${clauses.join(' ')}`)
  } catch (error) {
    throw explainCreate(error, properties)
  }
}

/**
 * Owner, connection limit, rights, comment and settings as in `properties`, replacing what is there. One transaction.
 * @throws Failure roles-missing when a role is not there, postgres-*.
 */
export async function applyDatabaseProperties(
  session: Session,
  name: string,
  properties: DatabaseProperties,
  options: { owner?: string } = {},
): Promise<void> {
  const owner = options.owner ?? properties.owner
  const database = `DATABASE ${quoteIdentifier(name)}`
  await assertRoles(session, rolesOfProperties({ ...properties, owner }))
  await inTransaction(session, async () => {
    await session.run(`ALTER ${database} OWNER TO ${quoteIdentifier(owner)};
      ALTER ${database} CONNECTION LIMIT ${properties.connectionLimit};
      COMMENT ON ${database} IS ${properties.comment === null ? 'NULL' : quoteLiteral(properties.comment)}`)
    const now = await readProperties(session, name)
    const statements = [
      ...aclStatements(name, owner, properties.acl, now.acl),
      ...resetStatements(name, now),
      ...settingStatements(name, properties),
    ]
    for (const statement of statements) await session.query(statement)
  })
}

/** @throws Failure target-exists, target-invalid, postgres-failed with SQLSTATE 55006 while someone is connected. */
export async function renameDatabase(session: Session, from: string, to: string): Promise<void> {
  checkDatabaseName(to)
  await session.query(`ALTER DATABASE ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`)
}

/** A number that no other database ever had on this server; null when there is none of the name. */
export async function databaseOid(session: Session, name: string): Promise<string | null> {
  const rows = await session.query<{ oid: string }>(
    'SELECT oid::text AS oid FROM pg_catalog.pg_database WHERE datname = $1',
    [name],
  )
  return rows[0]?.oid ?? null
}

/**
 * `incoming` becomes `live` and takes connections; what was `live` becomes `kept` and takes none. All of it or nothing:
 * statements sent together are one transaction, and while it lasts nobody can connect to either.
 * @throws Failure lock-timeout, postgres-failed with SQLSTATE 55006 while someone is connected, target-exists.
 */
export async function exchangeNames(
  session: Session,
  { live, incoming, kept }: { live: string; incoming: string; kept: string | null },
): Promise<void> {
  const rename = (from: string, to: string) =>
    `ALTER DATABASE ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`
  if (kept !== null) checkDatabaseName(kept)
  await session.run(
    [
      `SET LOCAL lock_timeout = '10s'`,
      ...(kept === null ? [] : [rename(live, kept)]),
      rename(incoming, live),
      `ALTER DATABASE ${quoteIdentifier(live)} ALLOW_CONNECTIONS true`,
    ].join(';\n'),
  )
}

/** A comment on the database, in place of what is there. */
export async function commentOn(session: Session, name: string, comment: string): Promise<void> {
  await session.query(`COMMENT ON DATABASE ${quoteIdentifier(name)} IS ${quoteLiteral(comment)}`)
}

/** One that is not there is success. `force` ends its connections. */
export async function dropDatabase(
  session: Session,
  name: string,
  options: { force?: boolean } = {},
): Promise<void> {
  const withForce = session.server.versionNum >= 130_000
  if (options.force && !withForce) await terminateConnections(session, name)
  const force = options.force && withForce ? ' WITH (FORCE)' : ''
  await session.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)}${force}`)
}

/** Ends every other connection to the database. @returns how many were told to end; a rename waits up to 5 s for them to go. */
export async function terminateConnections(session: Session, name: string): Promise<number> {
  const rows = await session.query<{ done: boolean }>(
    `SELECT pg_catalog.pg_terminate_backend(pid) AS done FROM pg_catalog.pg_stat_activity
     WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid()`,
    [name],
  )
  return rows.filter(row => row.done).length
}

/** Lets nobody in, or everybody again; those who are in stay. */
export async function allowConnections(session: Session, name: string, allowed: boolean): Promise<void> {
  await session.query(`ALTER DATABASE ${quoteIdentifier(name)} ALLOW_CONNECTIONS ${allowed}`)
}

async function hasTablespace(session: Session, name: string): Promise<boolean> {
  const rows = await session.query('SELECT 1 FROM pg_catalog.pg_tablespace WHERE spcname = $1', [name])
  return rows.length > 0
}

/** Providers: icu for a database since 15, builtin since 17, icu rules since 16. */
function localeClauses(properties: DatabaseProperties, versionNum: number): string[] {
  const { localeProvider: provider, locale, icuRules } = properties
  const since = provider === 'libc' ? 0 : provider === 'icu' ? 150_000 : 170_000
  if (versionNum < since || (icuRules !== null && versionNum < 160_000)) {
    throw new Failure('version-too-old', `the target server does not know the locale provider ${provider}`)
  }
  return [
    ...(versionNum >= 150_000 ? [`LOCALE_PROVIDER ${provider}`] : []),
    `LC_COLLATE ${quoteLiteral(properties.collate)} LC_CTYPE ${quoteLiteral(properties.ctype)}`,
    ...(locale === null
      ? []
      : [`${provider === 'icu' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE'} ${quoteLiteral(locale)}`]),
    ...(icuRules === null ? [] : [`ICU_RULES ${quoteLiteral(icuRules)}`]),
  ]
}

function resetStatements(name: string, now: DatabaseProperties): string[] {
  return [...new Set(now.settings.map(one => one.role))].map(role => `${holder(name, role)} RESET ALL`)
}

function settingStatements(name: string, properties: DatabaseProperties): string[] {
  return properties.settings.flatMap(({ role, setting }) => {
    const clause = setClause(setting)
    return clause === null ? [] : [`${holder(name, role)} ${clause}`]
  })
}

const holder = (name: string, role: string | null): string =>
  role === null
    ? `ALTER DATABASE ${quoteIdentifier(name)}`
    : `ALTER ROLE ${quoteIdentifier(role)} IN DATABASE ${quoteIdentifier(name)}`

async function inTransaction(session: Session, work: () => Promise<void>): Promise<void> {
  await session.run('BEGIN')
  try {
    await work()
    await session.run('COMMIT')
  } catch (error) {
    // A connection that is lost has rolled back by itself.
    await session.run('ROLLBACK').catch(() => {})
    throw error
  }
}

function explainCreate(error: unknown, properties: DatabaseProperties): unknown {
  // 22023 and 42809: the operating system or ICU does not have the locale.
  if (!['22023', '42809'].includes(sqlstate(error) ?? '')) return error
  return new Failure('postgres-failed', `cannot create a database like ${JSON.stringify(properties.name)}`, {
    cause: error,
    hint: `make the locale ${properties.locale ?? properties.collate} known to the target machine, restart its server`,
  })
}
