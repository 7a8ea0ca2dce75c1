// Whose a scratch folder is, written into its very name, so that a folder without a known owner never exists.
// A process is named by its id and its start, because ids come round again.
import { readFileSync } from 'node:fs'
import { processAlive } from '../sys/child.js'

const PREFIX = 'gmah-scratch-'

/** What mkdtemp makes a name of: `gmah-scratch-<pid>-<start>-`. */
export const scratchPrefix = (): string => `${PREFIX}${process.pid}-${startOf(process.pid) ?? 0}-`

/** True when the folder is a scratch server's whose process is gone. */
export function isLeftover(folderName: string): boolean {
  const [, pid, start] = /^gmah-scratch-(\d+)-(\d+)-\w+$/.exec(folderName) ?? []
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
