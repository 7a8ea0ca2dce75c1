// Whose a temporary folder is, written into its very name: a folder without a known owner never exists, and what a
// crash leaves can be told from what is in use. A process is named by its id and its start, because ids come round again.
import { readFileSync } from 'node:fs'
import { processAlive } from './child.js'

/** What mkdtemp makes a name of: `<stem>-<pid>-<start>-`. The stem holds no digits-only part. */
export const ownedPrefix = (stem: string): string => `${stem}-${process.pid}-${startOf(process.pid) ?? 0}-`

/** True when the name is one that ownedPrefix began, and its process is gone. */
export function isLeftover(stem: string, name: string): boolean {
  if (!name.startsWith(`${stem}-`)) return false
  const [, pid, start] = /^(\d+)-(\d+)-\w+$/.exec(name.slice(stem.length + 1)) ?? []
  if (pid === undefined || start === undefined) return false
  if (!processAlive(Number(pid))) return true
  const now = startOf(Number(pid))
  return now !== null && start !== '0' && now !== start
}

/** Clock ticks from boot to the process's start: field 22 of proc_pid_stat(5). Null where there is no /proc. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the command in parentheses and may hold anything; the 20th after it is the 22nd.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}
