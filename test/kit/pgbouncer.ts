// A real PgBouncer in front of a test cluster, on a private socket, in transaction mode unless told otherwise.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PostgresTarget } from '../../src/postgres/target.js'
import { type Cluster, temporaryFolder } from './cluster.js'

export interface Bouncer {
  target: PostgresTarget
  stop(): Promise<void>
}

export async function startBouncer(
  cluster: Cluster,
  options: { mode?: string; settings?: string } = {},
): Promise<Bouncer> {
  const folder = await temporaryFolder()
  const { uid, gid } = await stat(cluster.dataDirectory)
  const file = join(folder.path, 'pgbouncer.ini')
  const { host, port, user } = cluster.target
  await writeFile(
    file,
    `[databases]\n* = host=${host} port=${port} user=${user}\n[pgbouncer]\nlisten_port = 6432\nunix_socket_dir = ${folder.path}
auth_type = any\npool_mode = ${options.mode ?? 'transaction'}\nadmin_users = ${user}\n${options.settings ?? ''}\n`,
  )
  await chmod(file, 0o644)
  // PgBouncer refuses to run as root, like the server.
  const root = process.getuid?.() === 0
  if (root) await chown(folder.path, uid, gid)
  const child = spawn('/usr/sbin/pgbouncer', [file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(root ? { uid, gid } : {}),
  })
  await untilUp(child)
  return {
    target: { host: folder.path, port: 6432, user },
    async stop() {
      child.kill('SIGKILL')
      await once(child, 'exit')
      await folder.remove()
    },
  }
}

async function untilUp(child: ChildProcess): Promise<void> {
  let said = ''
  for await (const part of child.stderr ?? []) {
    said += part
    if (said.includes('process up')) {
      child.stderr?.resume()
      return
    }
  }
  throw new Error(`pgbouncer did not start: ${said}`)
}
