// The throw-away platform's own process: it owns the PostgreSQL server, and the daemon when the platform is kept.
// It ends with the demo that started it, however that ends, and takes everything in the folder with it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { dieWithUs } from '../../../src/postgres/politeness.js'
import { systemClock } from '../../../src/sys/clock.js'
import { startScratchServer } from '../../../src/verify/scratch-server.js'
import type { KeeperReport, KeeperRequest } from './platform.js'

const [folder = '', cli = ''] = process.argv.slice(2)
const ending = new AbortController()
const end = () => ending.abort(new Error('the demo has ended'))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
process.on('disconnect', end)
process.title = 'gmah-backup-demo'

let daemon: ChildProcess | null = null
try {
  const server = await startScratchServer({ parent: folder, clock: systemClock, signal: ending.signal })
  // The socket's own folder has a long name; people will type this one.
  await symlink(server.host, join(folder, 'postgres'))
  server.ended.then(end, end)
  process.on('message', (request: KeeperRequest) => {
    keep(request.configFile).then(tell, thrown => tell({ type: 'failed', message: String(thrown) }))
  })
  tell({ type: 'ready', version: server.version, user: server.user, port: server.port })
  if (!ending.signal.aborted) await once(ending.signal, 'abort')
  await stopDaemon()
  await server.stop()
} catch (thrown) {
  tell({ type: 'failed', message: String(thrown) })
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  if (process.connected) process.disconnect()
}

function tell(report: KeeperReport): void {
  if (process.connected) process.send?.(report)
}

/** From here on the platform outlives the demo, with the daemon working on it, until somebody ends this process. */
async function keep(configFile: string): Promise<KeeperReport> {
  const log = join(folder, 'daemon.log')
  const output = openSync(log, 'a')
  const command = [process.execPath, cli, '--config', configFile, 'daemon']
  const [file = '', ...args] = [...(await dieWithUs('TERM')), ...command]
  const child = spawn(file, args, { cwd: folder, stdio: ['ignore', output, output, 'ipc'] })
  daemon = child
  child.on('error', () => {})
  await Promise.race([once(child, 'message'), once(child, 'exit')])
  if (child.exitCode !== null) throw new Error(`the daemon ended: ${await readFile(log, 'utf8')}`)
  process.off('disconnect', end)
  return { type: 'kept', keeperPid: process.pid, daemonPid: child.pid ?? 0, address: await addressIn(log) }
}

/** Where the daemon says that it listens: its port is whichever was free. Its log is written a moment later. */
async function addressIn(log: string): Promise<string> {
  while (true) {
    const [, address] = /"address":"([^"]+)"/.exec(await readFile(log, 'utf8')) ?? []
    if (address) return address
    await systemClock.sleep(20, ending.signal)
  }
}

async function stopDaemon(): Promise<void> {
  if (!daemon || daemon.exitCode !== null) return
  const gone = once(daemon, 'exit')
  daemon.kill('SIGTERM')
  await gone
}
