// Who a process is, so that another one can tell later, on the same machine, whether it still lives.
// A pid alone is used again, and means another process in another container: boot, pid namespace and start make it unique.
import { readFileSync, readlinkSync } from 'node:fs'
import { constants, hostname } from 'node:os'

export interface ProcessIdentity {
  host: string
  pid: number
  /** `<boot id> <pid namespace> <start, in clock ticks since boot>`; empty where /proc does not say. */
  start: string
}

export type Vitality = 'alive' | 'dead' | 'unknown'

/** Who we are. */
export function ownIdentity(): ProcessIdentity {
  const space = pidSpace()
  const stat = readStat(process.pid)
  return { host: hostname(), pid: process.pid, start: space && stat ? `${space} ${stat.startTicks}` : '' }
}

/** Whether that process still lives; unknown when it cannot be told from here: another machine, container or boot, or no /proc. */
export function vitality({ pid, start }: ProcessIdentity): Vitality {
  const space = pidSpace()
  if (start === '' || space === null || !start.startsWith(`${space} `)) return 'unknown'
  if (!processAlive(pid)) return 'dead'
  const stat = readStat(pid)
  // It exists and cannot be read: /proc hides other users' processes here.
  if (!stat) return processAlive(pid) ? 'unknown' : 'dead'
  return stat.ended || `${space} ${stat.startTicks}` !== start ? 'dead' : 'alive'
}

/** For what only processes of this machine write: true while that very process runs; one of another boot is gone. */
export function isAlive(other: ProcessIdentity): boolean {
  const state = vitality(other)
  return state === 'unknown' ? other.start === '' && processAlive(other.pid) : state === 'alive'
}

/** False for a zombie, too: where nobody collects orphans (a container without an init) a killed process stays one for ever. */
export const stillRuns = (pid: number): boolean => processAlive(pid) && readStat(pid)?.ended !== true

/** True while a process with this id exists, whoever owns it. */
export function processAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno === -constants.errno.EPERM
  }
}

/** Clock ticks from boot to the process's start; null where /proc does not say. */
export const startTicksOf = (pid: number): string | null => readStat(pid)?.startTicks ?? null

/** The kernel's id of this boot and of our pid namespace. */
function pidSpace(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return null
  }
}

// proc(5): /proc/<pid>/stat. The second field, the command in parentheses, may itself hold anything, so count from the last one.
function readStat(pid: number): { ended: boolean; startTicks: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie has ended; only its parent has not looked yet.
    return fields[19] ? { ended: /^[ZX]/.test(fields[0] ?? ''), startTicks: fields[19] } : null
  } catch {
    return null
  }
}
