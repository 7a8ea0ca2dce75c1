// Our side: an installation in a folder, and each night or restore as a process of its own, so that its CPU and
// its memory are the whole of it.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '../test/kit/drills.js'
import { type Installation, install } from '../test/kit/installation.js'
import { projectRoot } from '../test/kit/platform/scripts.js'
import { AT_ONCE, withGrowth } from './contenders.js'
import type { Data, Workload } from './data.js'
import { type Measurement, measured } from './measure.js'
import type { ChildReport, ChildRequest } from './our-process.js'

/** As PM2 starts the daemon. */
const { apps } = createRequire(import.meta.url)(join(projectRoot(), 'ecosystem.config.cjs'))
const NODE_ARGS: string[] = apps[0].node_args
const NODE_ENV: Record<string, string> = apps[0].env

const PROCESS = fileURLToPath(new URL('./our-process.js', import.meta.url))

export interface Ours {
  night(): Promise<Measurement>
  /** Into a new database, which is dropped again. */
  restore(): Promise<{ loaded: Measurement; proven: Measurement }>
  /** A drill of the first tenant: a scratch server of its own made, loaded, compared, removed. */
  drill(): Promise<Measurement>
  remove(): Promise<void>
}

/** A new installation with an empty store. Nobody else is nice, so its children are not either. */
export async function openOurs(data: Data, workload: Workload): Promise<Ours> {
  const dump = { retry_pause: '0s', nice: 0, ionice: 'none', concurrency: AT_ONCE }
  const scratch = scratchFolder()
  const drills = { scratch_directory: scratch.path }
  const here = await install(data.cluster.target, { config: { dump, drills } })
  return {
    night: () =>
      withGrowth(here.storeFolder, async () => {
        const { whole, report } = await inProcess(here, { job: 'night', tenants: workload.tenants })
        return { ...whole, seconds: report.seconds }
      }),
    restore: async () => {
      const database = 'bench_ours'
      const [tenant = ''] = workload.tenants
      const { whole, report } = await inProcess(here, { job: 'restore', tenant, database })
      await data.cluster.sql('postgres', `DROP DATABASE ${database} WITH (FORCE)`)
      return {
        loaded: { ...whole, seconds: report.loadedSeconds ?? Number.NaN },
        proven: { ...whole, seconds: report.seconds },
      }
    },
    drill: async () => {
      const [tenant = ''] = workload.tenants
      const { whole, report } = await inProcess(here, { job: 'verify', tenant })
      return { ...whole, seconds: report.seconds }
    },
    remove: async () => {
      await here.remove()
      scratch.remove()
    },
  }
}

/** A job in a process of its own. */
export async function inProcess(here: Installation, request: ChildRequest) {
  const args = [...NODE_ARGS, PROCESS, here.configFile, JSON.stringify(request)]
  const { stdout, ...figures } = await measured(process.execPath, args, NODE_ENV)
  const report: ChildReport = JSON.parse(stdout)
  return { whole: { ...figures, rssBytes: report.rssBytes, loopP99Ms: report.loopP99Ms }, report }
}
