// A hot standby of a test cluster, made by pg_basebackup and fed by streaming.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { vi } from 'vitest'
import { connect } from '../../src/postgres/connection.js'
import type { PostgresTarget } from '../../src/postgres/target.js'
import type { Cluster } from './cluster.js'
import { tool } from './dumping.js'

export interface Standby {
  target: PostgresTarget
  stop(): Promise<void>
}

/** `folder` is the caller's; the primary needs wal_level replica and a wal sender. */
export async function startStandby(primary: Cluster, folder: string): Promise<Standby> {
  const bin = dirname((await tool('postgres')).path)
  const { uid, gid } = await stat(primary.dataDirectory)
  const as = process.getuid?.() === 0 ? { uid, gid } : {}
  if (as.uid !== undefined) await chown(folder, uid, gid)
  const data = join(folder, 'data')
  const { host, port, user } = primary.target
  execFileSync(
    join(bin, 'pg_basebackup'),
    ['-D', data, '-R', '-c', 'fast', '-h', host, '-p', `${port}`, '-U', user],
    {
      ...as,
      cwd: folder,
      stdio: 'ignore',
    },
  )
  await writeFile(
    join(data, 'postgresql.conf'),
    `listen_addresses = ''\nport = 5432\nunix_socket_directories = '${folder}'\nmax_wal_senders = 2\nmax_connections = 40\nfsync = off\n`,
  )
  const child = spawn(join(bin, 'postgres'), ['-D', data], { ...as, cwd: folder, stdio: 'ignore' })
  const target = { host: folder, port: 5432, user }
  await vi.waitFor(async () => (await connect(target, 'postgres')).close(), { timeout: 90_000, interval: 50 })
  return {
    target,
    async stop() {
      child.kill('SIGQUIT')
      await once(child, 'exit')
    },
  }
}
