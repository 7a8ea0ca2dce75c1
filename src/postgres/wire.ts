// The wire below a session: dials with libpq's TLS modes, survives what pg emits, and tells a loss from a farewell.
// Every way to fail comes out as a Failure; an abort comes out as the signal's reason.
import { readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { Client, type ClientConfig } from 'pg'
import { Failure } from '../domain/errors.js'
import { poolerInPath, refusedByPooler } from './pooler.js'
import { NO_RIGHT, postgresFailure, sqlstate } from './sqlstate.js'
import { overSocket, type PostgresTarget, quoteIdentifier } from './target.js'

export interface ConnectOptions {
  /** Cuts the connection, at any time. */
  signal?: AbortSignal
  applicationName?: string
}

/** The types of pg leave the backend key out. */
type KeyedClient = Client & { processID: number | null }

export interface Wire {
  client: KeyedClient
  /** For messages: which database, on which server. */
  where: string
  lost: AbortSignal
  explain(error: unknown, what: string): unknown
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 15_000
const KEEPALIVE_AFTER_MS = 30_000

type Tls = Exclude<ClientConfig['ssl'], undefined>

/** @throws Failure postgres-unreachable, postgres-denied, pooler-in-path; the signal's reason. */
export async function dial(target: PostgresTarget, database: string, options: ConnectOptions): Promise<Wire> {
  const choices = await tlsChoices(target)
  for (const [index, tls] of choices.entries()) {
    options.signal?.throwIfAborted()
    try {
      return await dialOnce(target, database, options, tls)
    } catch (error) {
      // As libpq's `prefer` does: without TLS again when there was no TLS to be had, or pg_hba.conf refuses it (28000).
      if (index === choices.length - 1 || ![null, '28000'].includes(sqlstate(error))) throw error
    }
  }
  throw new Failure('unexpected', 'there is no way to dial')
}

async function dialOnce(
  target: PostgresTarget,
  database: string,
  options: ConnectOptions,
  tls: Tls,
): Promise<Wire> {
  const where = `database ${JSON.stringify(database)} on ${target.host}:${target.port}`
  const socket = new Socket()
  const client = new Client({
    host: target.host,
    port: target.port,
    user: target.user,
    database,
    // A function: pg would take an absent password from our own environment.
    password: () => passwordOf(target, where),
    ssl: tls,
    application_name: options.applicationName ?? 'gmah-backup',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_AFTER_MS,
    stream: () => socket,
  }) as KeyedClient
  const wire = watch(client, socket, where, options.signal)
  try {
    await client.connect()
    return wire
  } catch (error) {
    socket.destroy()
    await wire.close()
    if (refusedByPooler(sqlstate(error))) throw poolerInPath(where, error)
    if (sqlstate(error) === NO_RIGHT) throw notLetIn(error, where, target, database)
    throw wire.explain(error, 'cannot connect to')
  }
}

/** Platforms that keep tenants apart take CONNECT from PUBLIC: then it has to be granted, in each new database too. */
function notLetIn(cause: unknown, where: string, { user }: PostgresTarget, database: string): Failure {
  const grant = `GRANT CONNECT ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(user)}`
  return new Failure('postgres-denied', `cannot connect to ${where}: ${user} has no right to`, {
    cause,
    hint: `as a superuser: ${grant}; and let what makes new tenants do the same`,
    facts: { sqlstate: NO_RIGHT },
  })
}

/** A lost backend emits `error` more than once, and then `end`: the first is the reason, the rest is silence. */
function watch(client: KeyedClient, socket: Socket, where: string, signal: AbortSignal | undefined): Wire {
  const lost = new AbortController()
  let closed: Promise<void> | undefined
  const explain = (error: unknown, what: string) =>
    signal?.aborted ? signal.reason : postgresFailure(error, `${what} ${where}`)
  const lose = (error?: unknown) => {
    if (closed || lost.signal.aborted) return
    lost.abort(explain(error, 'the connection was lost to'))
  }
  const cut = () => socket.destroy()
  client.on('error', lose)
  client.on('end', () => lose())
  signal?.addEventListener('abort', cut, { once: true })
  return {
    client,
    where,
    lost: lost.signal,
    explain,
    close() {
      closed ??= client.end().finally(() => signal?.removeEventListener('abort', cut))
      return closed
    },
  }
}

function passwordOf(target: PostgresTarget, where: string): string {
  if (target.password) return target.password
  throw new Failure('postgres-denied', `${where} asks for a password and none is configured`)
}

/** What to try, in order: TLS options of node for each way that libpq's mode allows. */
async function tlsChoices(target: PostgresTarget): Promise<Tls[]> {
  const mode = target.sslMode ?? 'prefer'
  if (mode === 'disable' || overSocket(target)) return [false]
  if (mode === 'prefer') return [{ rejectUnauthorized: false }, false]
  if (mode === 'require') return [{ rejectUnauthorized: false }]
  const ca = target.sslRootCertificateFile ? await readFile(target.sslRootCertificateFile, 'utf8') : undefined
  const trust = { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) }
  return [mode === 'verify-ca' ? { ...trust, checkServerIdentity: () => undefined } : trust]
}
