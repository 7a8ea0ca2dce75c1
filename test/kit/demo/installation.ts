// The demo's installation: the files an operator would write, and the jobs run on them in this process.
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type App, openApp } from '../../../src/app.js'
import type { Terminal } from '../../../src/cli/output.js'
import { watchRun } from '../../../src/cli/progress.js'
import { loadConfig } from '../../../src/config.js'
import { subjectNamed } from '../../../src/domain/subject.js'
import { backupAll } from '../../../src/jobs/backup-all.js'
import { endOfNight, type NightReport } from '../../../src/jobs/backup-report.js'
import { initKeys, newIdentityFile } from '../../../src/jobs/keys.js'
import type { JobContext } from '../../../src/jobs/parts.js'
import { type RestoreReport, restoreBeside } from '../../../src/jobs/restore-beside.js'
import type { JobEnd, JobRequest } from '../../../src/jobs/runner.js'
import { systemClock } from '../../../src/sys/clock.js'
import { silentLogger } from '../../../src/sys/log.js'
import { type PlatformServer, projectRoot } from '../platform/scripts.js'

const clock = systemClock

export interface DemoInstallation {
  configFile: string
  /** What the operator would carry away from this machine. */
  recoveryFile: string
  night(): Promise<NightReport>
  restore(tenant: string, database: string): Promise<RestoreReport>
  close(): Promise<void>
}

/** Writes the files into `folder` and opens the jobs on them; `shutdown` interrupts whatever runs. */
export async function installDemo(
  folder: string,
  server: PlatformServer,
  options: { terminal: Terminal; shutdown: AbortSignal },
): Promise<DemoInstallation> {
  const configFile = await writeFiles(folder, server)
  const { config } = loadConfig({ path: configFile })
  await initKeys(config.keys, clock)
  const app = await openApp({
    config,
    clock,
    log: silentLogger(),
    shutdown: options.shutdown,
    identityFile: null,
  })
  const run = runWatched(app, options.terminal)
  return {
    configFile,
    recoveryFile: join(folder, 'recovery.txt'),
    night: () =>
      run({ name: 'backup-all', trigger: 'manual' }, async context => {
        const request = { kind: 'manual', label: null, names: [] } as const
        const result = await backupAll(app.parts(), request, context)
        return { ...endOfNight(result), result }
      }),
    restore: (tenant, database) => {
      const subject = subjectNamed(tenant)
      const request = { subject, backup: 'latest', database, withRoles: false }
      return run({ name: 'restore', subject, trigger: 'manual' }, async context => ({
        outcome: 'succeeded',
        result: await restoreBeside(app.parts(), request, context),
      }))
    },
    close: app.close,
  }
}

/** One run of a job with its journal entry, watched on the terminal; throws what made it fail. */
function runWatched(app: App, terminal: Terminal) {
  return async <T>(
    job: JobRequest,
    work: (context: JobContext) => Promise<JobEnd & { result: T }>,
  ): Promise<T> => {
    const watch = await watchRun(terminal, clock)
    let done: { result: T } | null = null
    try {
      const { failure } = await app.runner.run(job, async context => {
        const { result, ...end } = await work({ ...context, watch })
        done = { result }
        return end
      })
      if (failure) throw failure
    } finally {
      await watch.close()
    }
    return (done as unknown as { result: T }).result
  }
}

async function writeFiles(folder: string, server: PlatformServer): Promise<string> {
  for (const name of ['store', 'schedules']) await mkdir(join(folder, name), { mode: 0o700 })
  for (const shipped of ['schedules/nightly-dumps.yaml', 'schedules/retention.yaml'])
    await copyFile(join(projectRoot(), shipped), join(folder, shipped))
  const recovery = await newIdentityFile(clock)
  await writeFile(join(folder, 'recovery.txt'), recovery.text, { mode: 0o600 })
  const configFile = join(folder, 'gmah-backup.yaml')
  const config = {
    state_directory: 'state',
    store: { type: 'directory', path: 'store' },
    postgres: {
      ...server,
      tenants: { query: 'select name as tenant, database_name as database, status from organisations' },
    },
    keys: { recovery_recipients: [recovery.recipient] },
    // In production 1 MiB: of small databases, larger chunks would each hold a row that changed.
    dump: { cutter: { min: '16KiB', average: '64KiB', max: '256KiB' } },
    daemon: { http: { port: 0 } },
  }
  await writeFile(configFile, stringify(config), { mode: 0o600 })
  return configFile
}
