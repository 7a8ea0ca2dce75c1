// A dump in a test, whole in memory, and what pg_restore reads in it.
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type DumpOptions, startDump } from '../../src/postgres/dump.js'
import { findTool, type Tool, type ToolName } from '../../src/postgres/tools.js'
import type { ChildResult } from '../../src/sys/child.js'
import { temporaryFolder } from './cluster.js'

export const tool = (name: ToolName): Promise<Tool> => findTool(name, 0)

export interface Dumped {
  bytes: Buffer
  result: ChildResult
}

/** Runs pg_dump to its end, well or ill. */
export async function dump(
  options: Pick<DumpOptions, 'target' | 'database'> & Partial<DumpOptions>,
): Promise<Dumped> {
  const child = await startDump({ tool: await tool('pg_dump'), lockWaitTimeoutMs: 10_000, ...options })
  const parts: Buffer[] = []
  for await (const part of child.stdout) parts.push(part)
  return { bytes: Buffer.concat(parts), result: await child.result }
}

/** pg_restore's listing of the archive, or with arguments whatever it makes of it. */
export async function pgRestore(archive: Buffer, ...args: string[]): Promise<string> {
  const folder = await temporaryFolder()
  try {
    const file = join(folder.path, 'archive')
    await writeFile(file, archive)
    const { path } = await tool('pg_restore')
    return execFileSync(path, [...(args.length ? args : ['-l']), file], { encoding: 'utf8' })
  } finally {
    await folder.remove()
  }
}
