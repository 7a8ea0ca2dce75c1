// A throw-away PostgreSQL server in a private folder: no network, no durability, tuned for loading.
// It is gone after `stop`, after an abort, and with our process; what a crash leaves behind, sweepScratchServers removes.
import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure } from '../domain/errors.js'
import { connect } from '../postgres/connection.js'
import { dieWithUs, type Politeness, politeWrapper } from '../postgres/politeness.js'
import { findTool } from '../postgres/tools.js'
import { type Child, runChild, startChild } from '../sys/child.js'
import type { Clock } from '../sys/clock.js'
import { makeFolder, unprivileged } from './scratch-folder.js'

export interface ScratchServerOptions {
  /** An existing folder that the unprivileged user can pass through; the server's own folder is made in it. */
  parent: string
  clock: Clock
  signal?: AbortSignal
  toolsDirectory?: string | null
  /** The server's major is this one or newer; default: the oldest there is. */
  atLeastMajor?: number
  /** Over and above the defaults, as in postgresql.conf. */
  settings?: Record<string, string>
  /** Default C.UTF-8. */
  locale?: string
  /** How the server keeps out of the way of others; by default it does not. */
  politeness?: Politeness
}

/** Usable as a PostgresTarget. */
export interface ScratchServer {
  /** The private socket directory. */
  host: string
  port: number
  user: string
  version: string
  dataDirectory: string
  /** Resolves when the server has ended, whoever ended it. */
  ended: Promise<void>
  /** Ends the server and removes its folder. Idempotent. */
  stop(): Promise<void>
}

const USER = 'postgres'
/** Only names the socket: nothing listens on a network. */
const PORT = 5432
const READY_WITHIN_MS = 60_000
const STOP_WITHIN_MS = 10_000
const PAUSE_MS = 15

const DEFAULTS: Record<string, string> = {
  listen_addresses: '',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  autovacuum: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '4GB',
  checkpoint_timeout: '1h',
  maintenance_work_mem: '256MB',
  shared_buffers: '128MB',
  max_connections: '40',
  lc_messages: 'C',
  timezone: 'UTC',
  log_min_messages: 'fatal',
}

/**
 * Starts one; takes about a second.
 * @throws Failure tool-missing, child-failed (initdb or the server said why), deadline-passed; the signal's reason.
 */
export async function startScratchServer(options: ScratchServerOptions): Promise<ScratchServer> {
  options.signal?.throwIfAborted()
  const search = { directory: options.toolsDirectory ?? null }
  const initdb = await findTool('initdb', options.atLeastMajor ?? 0, search)
  const owner = await unprivileged()
  const folder = await makeFolder(options.parent, owner)
  const dataDirectory = join(folder, 'data')
  const run = { ...owner, cwd: folder, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } }
  try {
    await runChild(initdb.path, {
      ...run,
      // Killed in the middle of it, we must not leave someone behind who still writes into what the sweep removes.
      wrapper: await dieWithUs('TERM'),
      args: [
        ...['-D', dataDirectory, '-U', USER, '--auth=trust', '--encoding=UTF8', '--no-sync'],
        `--locale=${options.locale ?? 'C.UTF-8'}`,
      ],
      ...(options.signal ? { signal: options.signal } : {}),
    })
    await writeFile(join(dataDirectory, 'postgresql.conf'), configuration(folder, options.settings ?? {}))
    const child = startChild(join(dirname(initdb.path), 'postgres'), {
      ...run,
      args: ['-D', dataDirectory],
      wrapper: [
        ...(await dieWithUs('QUIT')),
        ...(await politeWrapper(options.politeness ?? {}, { bigWrites: false })),
      ],
    })
    return await supervise(child, { host: folder, dataDirectory, version: initdb.version }, options)
  } catch (error) {
    // What initdb had started may write for a moment longer than it lives.
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    throw error
  }
}

async function supervise(
  child: Child,
  place: { host: string; dataDirectory: string; version: string },
  options: ScratchServerOptions,
): Promise<ScratchServer> {
  child.stdin.end()
  child.stdout.resume()
  const end = { stderr: null as string | null }
  const ended = child.result.then(result => {
    end.stderr = result.stderr
  })
  ended.catch(() => {})
  let stopped: Promise<void> | undefined
  const stop = () => {
    options.signal?.removeEventListener('abort', stop)
    stopped ??= endServer(child, ended, place.host, options.clock)
    // Called by an abort, nobody awaits it; who awaits it still gets the error.
    stopped.catch(() => {})
    return stopped
  }
  options.signal?.addEventListener('abort', stop, { once: true })
  const server = { ...place, port: Number(options.settings?.port ?? PORT), user: USER, ended, stop }
  try {
    await untilReady(server, end, options)
    return server
  } catch (error) {
    await stop()
    throw error
  }
}

async function untilReady(
  server: ScratchServer,
  end: { stderr: string | null },
  { clock, signal }: ScratchServerOptions,
): Promise<void> {
  const start = clock.ticks()
  while (true) {
    signal?.throwIfAborted()
    if (end.stderr !== null) {
      throw new Failure('child-failed', 'the scratch server ended while it started', {
        cause: new Error(end.stderr.trim() || 'it said nothing'),
      })
    }
    try {
      const session = await connect(server, 'postgres', signal ? { signal } : {})
      return await session.close()
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'postgres-unreachable') throw error
      if (clock.ticks() - start > READY_WITHIN_MS) {
        throw new Failure('deadline-passed', 'the scratch server does not become ready', { cause: error })
      }
    }
    await clock.sleep(PAUSE_MS, signal)
  }
}

/** SIGQUIT: nothing here is worth a checkpoint. */
async function endServer(child: Child, ended: Promise<void>, folder: string, clock: Clock): Promise<void> {
  child.kill('SIGQUIT')
  const patience = new AbortController()
  const overdue = clock.sleep(STOP_WITHIN_MS, patience.signal).then(
    () => child.kill('SIGKILL'),
    () => {},
  )
  await ended.catch(() => {})
  patience.abort()
  await overdue
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

function configuration(host: string, settings: Record<string, string>): string {
  const all = { ...DEFAULTS, port: String(PORT), unix_socket_directories: `"${host}"`, ...settings }
  return Object.entries(all)
    .map(([name, value]) => `${name} = '${value.replace(/'/g, "''")}'\n`)
    .join('')
}
