// Copies a schema with all that is in it from one database of a server into another: pg_dump into pg_restore, in one transaction.
import { explainDumpEnd, startDump } from '../postgres/dump.js'
import type { Tool } from '../postgres/tools.js'
import { writerOf } from './live-schema.js'
import { type LoadOptions, loadStream } from './load.js'

export interface CopyOptions extends LoadOptions {
  /** The database that has it. */
  from: string
  /** See startDump. */
  schema: string
  dumpTool: Tool
  lockWaitTimeoutMs: number
}

/**
 * Resolves when all of it is committed in `database`.
 * @throws Failure of pg_dump or of pg_restore. Nothing is there then, or, when it was the COMMIT that got no answer, all of it is,
 * or will be: dropUnprovenSchema knows how to tell.
 */
export const copySchema = (options: CopyOptions): Promise<void> =>
  loadStream(dumped(options), { ...options, applicationName: writerOf(options.schema) })

/** Its end comes only when pg_dump ended well. */
async function* dumped(options: CopyOptions): AsyncGenerator<Uint8Array> {
  const { target, from, schema, dumpTool: tool, lockWaitTimeoutMs, politeness, signal } = options
  const dump = { target, database: from, schema, tool, lockWaitTimeoutMs, politeness, signal }
  const child = await startDump(dump)
  try {
    for await (const piece of child.stdout) {
      options.onBytes?.(piece.length)
      yield piece
    }
    const ended = await child.result
    if (ended.exitCode !== 0) throw explainDumpEnd(ended, from)
  } finally {
    child.kill('SIGKILL')
  }
}
