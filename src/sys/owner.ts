// Whose a temporary folder is, written into its very name: a folder without a known owner never exists, and what a
// crash leaves can be told from what is in use. A process is named by its id and its start, because ids come round again.
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startTicksOf, stillRuns } from './process-identity.js'

/** What mkdtemp makes a name of: `<stem>-<pid>-<start>-`. The stem holds no digits-only part. */
export const ownedPrefix = (stem: string): string =>
  `${stem}-${process.pid}-${startTicksOf(process.pid) ?? 0}-`

/** True when the name is one that ownedPrefix began, and its process is gone. */
export function isLeftover(stem: string, name: string): boolean {
  if (!name.startsWith(`${stem}-`)) return false
  const [, pid, start] = /^(\d+)-(\d+)-\w+$/.exec(name.slice(stem.length + 1)) ?? []
  if (pid === undefined || start === undefined) return false
  if (!stillRuns(Number(pid))) return true
  const now = startTicksOf(Number(pid))
  return now !== null && start !== '0' && now !== start
}

/** Removes below `folder` what ownedPrefix began and whose process is gone. @returns how many there were. */
export async function sweepLeftovers(folder: string, stem: string): Promise<number> {
  const names = (await readdir(folder)).filter(name => isLeftover(stem, name))
  await Promise.all(names.map(name => rm(join(folder, name), { recursive: true, force: true })))
  return names.length
}
