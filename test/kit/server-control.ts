// Takes a test cluster's server down and up again, as an operator or a crash would.
import { execFileSync } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { processAlive } from '../../src/sys/process-identity.js'
import { until } from './clock.js'
import type { Cluster } from './cluster.js'
import { tool } from './dumping.js'

/** At once, without a checkpoint; one that is down already is success. Do it before cluster.stop() when startServer was used. */
export async function stopServer(cluster: Cluster): Promise<void> {
  await control(cluster, 'stop', '-m', 'immediate').catch(() => {})
}

/** Resolves when it accepts connections. */
export function startServer(cluster: Cluster): Promise<void> {
  return control(cluster, 'start', '-l', join(dirname(cluster.dataDirectory), 'log'))
}

/** Kills one of a database's backends with -9. Resolves when the server has ended another for it; it then comes back by itself. */
export async function crashServer(cluster: Cluster, database: string): Promise<void> {
  const rows = await cluster.sql<{ pid: number }>(
    'postgres',
    `SELECT pid FROM pg_stat_activity WHERE datname = '${database}'`,
  )
  const [victim, witness] = rows.map(row => row.pid)
  if (!victim || !witness) throw new Error(`two connections to ${database} were expected`)
  process.kill(victim, 'SIGKILL')
  await until(() => !processAlive(witness))
}

async function control(cluster: Cluster, ...args: string[]): Promise<void> {
  const bin = dirname((await tool('postgres')).path)
  const { uid, gid } = await stat(cluster.dataDirectory)
  execFileSync(join(bin, 'pg_ctl'), ['-D', cluster.dataDirectory, '-w', ...args], {
    ...(process.getuid?.() === 0 ? { uid, gid } : {}),
    cwd: dirname(cluster.dataDirectory),
    stdio: 'ignore',
  })
}
