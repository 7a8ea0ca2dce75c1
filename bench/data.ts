// The platform that is measured: a server of its own, one large tenant, some small ones, and days that change them.
import { findTool, majorOf } from '../src/postgres/tools.js'
import { type Cluster, startCluster } from '../test/kit/cluster.js'
import { churn } from '../test/kit/platform/churn.js'
import { seedPlatform, seedTenant, tenantDatabase } from '../test/kit/platform/seed.js'
import type { BenchOptions } from './options.js'

/** Tenants that are backed up together, and measured as one. */
export interface Workload {
  name: string
  tenants: string[]
  databases: string[]
}

export interface Data {
  cluster: Cluster
  workloads: Workload[]
  /** pg_dump and pg_restore themselves, not Debian's wrapper around them. */
  tools: { dump: string; restore: string }
  /** Libpq's environment for the contenders. */
  env: Record<string, string>
  /** One day in every tenant of a workload: about 1 % of the rows, the recent ones first. */
  day(workload: Workload): Promise<void>
  stop(): Promise<void>
}

export async function makeData(options: BenchOptions): Promise<Data> {
  const cluster = await startCluster()
  try {
    const small = Array.from({ length: options.tenants }, (_, at) => `small ${at + 1}`)
    await seedPlatform(cluster.target, { tenants: small, megabytesPerTenant: options.tenantMegabytes })
    await seedTenant(cluster.target, 'large', { megabytesPerTenant: options.megabytes })
    const workloads = [
      workload(`one tenant of ${options.megabytes} MB`, ['large']),
      workload(`${options.tenants} tenants of ${options.tenantMegabytes} MB, two at once`, small),
    ]
    // A dump reads what the fill left to be cleaned up and hinted: done once here, not by whoever comes first.
    for (const { databases } of workloads) {
      for (const database of databases) await cluster.sql(database, 'VACUUM ANALYZE')
    }
    return {
      cluster,
      workloads: workloads.filter(one => one.tenants.length > 0),
      tools: await tools(cluster),
      env: { PGHOST: cluster.target.host, PGPORT: `${cluster.target.port}`, PGUSER: cluster.target.user },
      day: async ({ tenants }) => {
        for (const tenant of tenants) await churn(cluster.target, tenant, 0.01)
      },
      stop: () => cluster.stop(),
    }
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

const workload = (name: string, tenants: string[]): Workload => ({
  name,
  tenants,
  databases: tenants.map(tenantDatabase),
})

async function tools(cluster: Cluster): Promise<Data['tools']> {
  const [row] = await cluster.sql<{ server_version_num: string }>('postgres', 'SHOW server_version_num')
  const major = majorOf(Number(row?.server_version_num))
  const [dump, restore] = await Promise.all([
    findTool('pg_dump', major, { directory: null }),
    findTool('pg_restore', major, { directory: null }),
  ])
  return { dump: dump.path, restore: restore.path }
}
