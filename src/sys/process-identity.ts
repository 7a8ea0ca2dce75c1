// Which process was that? A pid alone is used again; a pid with the boot it ran in and the instant it started is not.
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { processAlive } from './child.js'

export interface ProcessIdentity {
  host: string
  pid: number
  /** `<boot id>:<start, in clock ticks since boot>`; empty where /proc does not say. */
  start: string
}

/** Who we are. */
export function ownIdentity(): ProcessIdentity {
  return { host: hostname(), pid: process.pid, start: startOf(process.pid) ?? '' }
}

/** True while that very process runs. One of another boot, or whose pid now belongs to a younger process, is gone. */
export function isAlive(other: ProcessIdentity): boolean {
  if (!processAlive(other.pid)) return false
  const start = startOf(other.pid)
  return start === null || other.start === '' || start === other.start
}

// proc(5): /proc/<pid>/stat, field 22. The command's name, field 2, is in parentheses and may hold anything, so count from the last one.
function startOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return ticks ? `${boot}:${ticks}` : null
  } catch {
    return null
  }
}
