// A real PostgreSQL server for a test file: started in about a second, gone afterwards.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, withSession } from '../../src/postgres/connection.js'
import { type PostgresTarget, quoteIdentifier } from '../../src/postgres/target.js'
import { systemClock } from '../../src/sys/clock.js'
import { startScratchServer } from '../../src/verify/scratch-server.js'
import { sweepScratchServers } from '../../src/verify/scratch-sweep.js'
import { serverPrograms } from './server-programs.js'

export interface Cluster {
  /** As superuser, over the private socket. */
  target: PostgresTarget
  version: string
  dataDirectory: string
  /** The same server as another user. */
  as(user: string, password?: string): PostgresTarget
  /** Runs the statements; @returns the rows of a single statement, none for several. */
  sql<Row extends object = Record<string, unknown>>(database: string, text: string): Promise<Row[]>
  /** Creates a database (a random name by default), fills it, and says its name. */
  createDatabase(options?: { name?: string; sql?: string; like?: string }): Promise<string>
  stop(): Promise<void>
}

/** A name that no other test uses: `<stem>_<8 hex>`. */
export const randomName = (stem = 'db'): string => `${stem}_${randomBytes(4).toString('hex')}`

/** Stop it in afterAll. */
export async function startCluster(
  options: { settings?: Record<string, string>; locale?: string } = {},
): Promise<Cluster> {
  await sweepScratchServers(tmpdir(), systemClock)
  const toolsDirectory = serverPrograms()
  const server = await startScratchServer({
    ...{ parent: tmpdir(), clock: systemClock, toolsDirectory },
    ...options,
  })
  const target: PostgresTarget = { host: server.host, port: server.port, user: server.user }
  const sql = <Row extends object>(database: string, text: string): Promise<Row[]> =>
    withSession(target, database, {}, async session => {
      await session.query('SELECT pg_catalog.set_config($1, $2, false)', ['search_path', 'public'])
      if (text.replace(/;\s*$/, '').includes(';')) {
        await session.run(text)
        return []
      }
      return session.query<Row>(text)
    })
  return {
    target,
    version: server.version,
    dataDirectory: server.dataDirectory,
    as: (user, password) => ({ ...target, user, password: password ?? null }),
    sql,
    async createDatabase({ name = randomName(), sql: seed, like } = {}) {
      const template = like === undefined ? '' : ` TEMPLATE ${quoteIdentifier(like)}`
      await sql('postgres', `CREATE DATABASE ${quoteIdentifier(name)}${template}`)
      if (seed !== undefined) await runScript(target, name, seed)
      return name
    },
    stop: server.stop,
  }
}

/** A server with a master and these tenants, by name, each filled by its statements. Stop it in afterAll. */
export async function startPlatform(
  tenants: Readonly<Record<string, string>> = {},
  options: Parameters<typeof startCluster>[0] = {},
): Promise<Cluster> {
  const cluster = await startCluster(options)
  await cluster.createDatabase({ name: 'gmah_master', sql: 'CREATE TABLE organisations (id int)' })
  for (const [tenant, sql] of Object.entries(tenants))
    await cluster.createDatabase({ name: `gmah_org_${tenant}`, sql })
  return cluster
}

/** A folder for a test, and the way to be rid of it. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'gmah-test-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

async function runScript(target: PostgresTarget, database: string, script: string): Promise<void> {
  const session = await connect(target, database)
  try {
    await session.run(`SET search_path = public; ${script}`)
  } finally {
    await session.close()
  }
}
