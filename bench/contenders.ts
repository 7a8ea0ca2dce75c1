// What we are compared with, as lines of shell: the bare dump, the naked pipes, restic, pg_restore.
// Everyone dumps with the same pg_dump, and as many databases at once as we do.
import { randomBytes } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { Data, Workload } from './data.js'
import { folderBytes, type Measurement, measured, measuredShell } from './measure.js'

/** As dump.concurrency in our own configuration. */
export const AT_ONCE = 2

const bare = (dump: string): string => `${dump} -Fc -Z0 "$1"`

const PIPES = {
  'pg_dump -Fc -Z0': (dump: string) => `${bare(dump)} >/dev/null`,
  'pg_dump -Fc -Z0 | zstd -3': (dump: string) => `${bare(dump)} | zstd -q -3 -T1 >/dev/null`,
  'pg_dump -Fc': (dump: string) => `${dump} -Fc "$1" >/dev/null`,
} as const

export type PipeName = keyof typeof PIPES

export const dumpThrough = (data: Data, workload: Workload, pipe: PipeName): Promise<Measurement> =>
  measuredShell(forEach(workload, PIPES[pipe](data.tools.dump)), data.env)

/** restic on a repository of its own, fed by pg_dump; null where it is not installed. */
export interface Restic {
  backup(): Promise<Measurement>
}

export async function openRestic(data: Data, workload: Workload, folder: string): Promise<Restic | null> {
  if (!installed('restic')) return null
  const repository = join(folder, 'restic')
  const env = {
    ...data.env,
    RESTIC_REPOSITORY: repository,
    RESTIC_CACHE_DIR: join(folder, 'restic-cache'),
    RESTIC_PASSWORD: randomBytes(8).toString('hex'),
  }
  await rm(repository, { recursive: true, force: true })
  await measuredShell('restic init -q', env)
  const line = `${bare(data.tools.dump)} | restic backup -q --stdin --stdin-filename "$1.dump"`
  return {
    backup: () => withGrowth(repository, () => measuredShell(forEach(workload, line), env)),
  }
}

/** pg_restore of a plain file into a new database, in one transaction as ours is. */
export const restoreFile = (data: Data, database: string, folder: string): Promise<Measurement> =>
  restoreThen(data, database, folder, async restored => restored)

/** The same, and the restored database dumped once: what a proof cannot do without. */
export const restoreAndDump = (data: Data, database: string, folder: string): Promise<Measurement> =>
  restoreThen(data, database, folder, async (restored, target) => {
    const dumped = await measuredShell(`${data.tools.dump} -Fc -Z0 '${target}' >/dev/null`, data.env)
    return {
      seconds: restored.seconds + dumped.seconds,
      cpuSeconds: restored.cpuSeconds + dumped.cpuSeconds,
    }
  })

async function restoreThen(
  data: Data,
  database: string,
  folder: string,
  then: (restored: Measurement, target: string) => Promise<Measurement>,
): Promise<Measurement> {
  const file = join(folder, 'plain.dump')
  const target = 'bench_plain'
  await measuredShell(`${data.tools.dump} -Fc -Z0 '${database}' >'${file}'`, data.env)
  await data.cluster.sql('postgres', `CREATE DATABASE ${target} TEMPLATE template0`)
  try {
    const args = ['--single-transaction', '--exit-on-error', `--dbname=${target}`, file]
    const { stdout: _, ...measurement } = await measured(data.tools.restore, args, data.env)
    return await then(measurement, target)
  } finally {
    await data.cluster.sql('postgres', `DROP DATABASE ${target} WITH (FORCE)`)
    await rm(file)
  }
}

/** Adds what a folder grew by. */
export async function withGrowth<M extends Measurement>(
  folder: string,
  work: () => Promise<M>,
): Promise<M & { storedBytes: number }> {
  const before = await folderBytes(folder)
  const measurement = await work()
  return { ...measurement, storedBytes: (await folderBytes(folder)) - before }
}

export function installed(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Runs a script with each database as $1, so many at once. */
function forEach({ databases }: Workload, script: string): string {
  const names = databases.map(quoted).join(' ')
  return `printf '%s\\0' ${names} | xargs -0 -P${AT_ONCE} -I{} bash -o pipefail -ec ${quoted(script)} bash {}`
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
