// Whose a temporary folder is, written into its very name: a folder without a known owner never exists, and what a
// crash leaves can be told from what is in use. A process is named by its id and its start, because ids come round again.
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
