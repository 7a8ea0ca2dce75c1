// The platform's SQL files, and a connection to run them on. Variables are psql's: `:name` for a number, `:'name'` for text.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'

/** Where a PostgreSQL server listens: `host` is a name, an address, or the directory of its socket. */
export interface PlatformServer {
  host: string
  port: number
  /** A superuser; it creates the roles and databases, then acts as gmah_owner. */
  user: string
}

export type Variables = Record<string, number | string>

/** The checkout's root, from the sources and from dist alike. */
export function projectRoot(from = dirname(fileURLToPath(import.meta.url))): string {
  if (existsSync(join(from, 'package.json'))) return from
  const parent = dirname(from)
  if (parent === from) throw new Error('the project root is not above this file')
  return projectRoot(parent)
}

/** One SQL file with its variables filled in. */
export function script(name: string, variables: Variables = {}): string {
  const path = join(projectRoot(), 'test/kit/platform/sql', `${name}.sql`)
  return readFileSync(path, 'utf8').replace(/(?<!:):('?)([a-z]\w*)\1/g, (asIs, quote, variable) => {
    const value = variables[variable]
    if (value === undefined) return asIs
    return quote ? pg.escapeLiteral(String(value)) : String(Number(value))
  })
}

/** Opens a connection for the length of `work`. A server that goes away makes `work` fail, never the process. */
export async function connected<T>(
  server: PlatformServer,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ ...server, database, application_name: 'gmah-platform-kit' })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

export interface Changes {
  inserted: number
  updated: number
  deleted: number
}

/** Runs scripts one after the other on one connection. @returns the rows that they changed. */
export async function runScripts(
  client: pg.Client,
  names: readonly string[],
  variables: Variables,
): Promise<Changes> {
  const changes = { inserted: 0, updated: 0, deleted: 0 }
  for (const name of names) {
    const results = await client.query(script(name, variables)).catch(cause => {
      throw new Error(`${name}.sql at character ${cause.position ?? '?'}: ${cause.message}`, { cause })
    })
    for (const result of [results].flat()) {
      if (result.command === 'INSERT') changes.inserted += result.rowCount ?? 0
      if (result.command === 'UPDATE') changes.updated += result.rowCount ?? 0
      if (result.command === 'DELETE') changes.deleted += result.rowCount ?? 0
    }
  }
  return changes
}
