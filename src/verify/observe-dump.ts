// What pg_dump says of a database as it is now, through the reader that every backup goes through. Nothing is stored.
import type { DumpConfig, PostgresConfig } from '../domain/configuration.js'
import type { ArchiveFacts } from '../postgres/archive/reader.js'
import type { ServerVersion } from '../postgres/connection.js'
import { explainDumpEnd, startDump } from '../postgres/dump.js'
import { findTool, majorOf } from '../postgres/tools.js'
import { openIntake } from '../repository/intake.js'
import { builtFile } from '../sys/built.js'

export interface ObserveOptions {
  /** That must be held until this resolves. */
  snapshotId?: string
  /** Only this one; see startDump. */
  schema?: string
  /** False: definitions alone. */
  data?: boolean
  politeness: DumpConfig
  signal: AbortSignal
  onBytes?(bytes: number): void
}

/** @throws Failure when the database cannot be dumped, dump-invalid. */
export async function observeDump(
  target: PostgresConfig,
  database: string,
  server: ServerVersion,
  { onBytes, ...options }: ObserveOptions,
): Promise<ArchiveFacts> {
  const { signal } = options
  const { lockWaitTimeoutMs, toolsDirectory: directory } = target
  const tool = await findTool('pg_dump', majorOf(server.versionNum), { directory })
  const observer = builtFile(import.meta.url, '../postgres/archive/observer.js').href
  const intake = await openIntake()
  const dump = { target, database, tool, lockWaitTimeoutMs, ...options, output: intake.input }
  const child = await startDump(dump).catch(async thrown => {
    await intake.close()
    throw thrown
  })
  const [taken, ended] = await Promise.allSettled([
    intake.take({ cutting: null, observer, signal, ...(onBytes ? { onBytes } : {}) }),
    child.result,
  ])
  signal.throwIfAborted()
  if (ended.status === 'rejected') throw ended.reason
  if (ended.value.exitCode !== 0) throw explainDumpEnd(ended.value, database)
  if (taken.status === 'rejected') throw taken.reason
  return taken.value.facts as ArchiveFacts
}
