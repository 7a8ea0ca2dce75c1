// The demo's folder and the process that keeps its PostgreSQL server: started, asked to stay, or ended.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PlatformServer } from '../platform/scripts.js'
import { projectRoot } from '../platform/scripts.js'

/** Asks the keeper to start the daemon on this configuration and to stay. */
export interface KeeperRequest {
  configFile: string
}

export interface Kept {
  keeperPid: number
  daemonPid: number
  /** Of the daemon's HTTP server. */
  address: string
}

export type KeeperReport =
  | { type: 'ready'; version: string; user: string; port: number }
  | ({ type: 'kept' } & Kept)
  | { type: 'failed'; message: string }

export interface DemoPlatform {
  /** Everything that the demo makes is in here. */
  folder: string
  server: PlatformServer
  version: string
  keep(configFile: string): Promise<Kept>
  /** Ends the server and removes the folder. Idempotent. */
  remove(): Promise<void>
}

/** An empty server in a new folder. `signal` ends the wait for it, and it. */
export async function startPlatform(signal: AbortSignal): Promise<DemoPlatform> {
  signal.throwIfAborted()
  const folder = await mkdtemp(join(tmpdir(), 'gmah-demo-'))
  // The server runs as another user when we are root, and has to pass through.
  await chmod(folder, 0o711)
  const keeper = startKeeper(folder)
  const remove = async () => {
    if (running(keeper)) {
      const gone = once(keeper, 'exit')
      keeper.kill('SIGTERM')
      await gone
    }
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const { version, user, port } = await answer(keeper, 'ready', signal)
    return {
      folder,
      server: { host: join(folder, 'postgres'), port, user },
      version,
      keep: async configFile => {
        keeper.send({ configFile } satisfies KeeperRequest)
        const kept = await answer(keeper, 'kept', signal)
        keeper.disconnect()
        keeper.unref()
        return kept
      },
      remove,
    }
  } catch (thrown) {
    const said = await readFile(join(folder, 'keeper.log'), 'utf8').catch(() => '')
    await remove()
    throw said.trim() ? new Error(`${(thrown as Error).message}\n${said}`, { cause: thrown }) : thrown
  }
}

/** In a session of its own: a Ctrl-C in the terminal reaches the demo alone, which then ends in good order. */
function startKeeper(folder: string): ChildProcess {
  const output = openSync(join(folder, 'keeper.log'), 'a', 0o600)
  const program = fileURLToPath(new URL('./keeper.js', import.meta.url))
  const cli = join(projectRoot(), 'dist/src/cli.js')
  return spawn(process.execPath, [program, folder, cli], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
  })
}

const running = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

async function answer<T extends KeeperReport['type']>(
  keeper: ChildProcess,
  type: T,
  signal: AbortSignal,
): Promise<Extract<KeeperReport, { type: T }>> {
  const over = new AbortController()
  const any = AbortSignal.any([signal, over.signal])
  const ended = once(keeper, 'exit', { signal: any }).then(() => {
    throw new Error('the process that keeps the PostgreSQL server ended')
  })
  ended.catch(() => {})
  try {
    const [report] = (await Promise.race([once(keeper, 'message', { signal: any }), ended])) as [KeeperReport]
    if (report.type === type) return report as Extract<KeeperReport, { type: T }>
    throw new Error(report.type === 'failed' ? report.message : `unexpected: ${report.type}`)
  } finally {
    over.abort()
  }
}
