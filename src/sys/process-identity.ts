// Who this process is, so that another one can tell later, on the same machine, whether it still lives.
// A pid alone is reused, and means another process in another container: boot, pid namespace and start time make it unique.
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { processAlive } from './child.js'

export interface ProcessIdentity {
  host: string
  pid: number
  /** The kernel's id of this boot and of the pid namespace; absent where /proc does not tell. */
  pidSpace?: string
  /** Clock ticks from boot to the process's start (proc(5), /proc/<pid>/stat field 22); absent where /proc does not tell. */
  startTicks?: number
}

/** This process. */
export async function thisProcess(): Promise<ProcessIdentity> {
  const [pidSpace, stat] = await Promise.all([readPidSpace(), readStat(process.pid)])
  return {
    host: hostname(),
    pid: process.pid,
    ...(pidSpace ? { pidSpace } : {}),
    ...(stat ? { startTicks: stat.startTicks } : {}),
  }
}

export type Vitality = 'alive' | 'dead' | 'unknown'

/** Whether the process still lives; unknown when that can't be told from here: another machine, container or boot, or no /proc. */
export async function vitality(other: ProcessIdentity): Promise<Vitality> {
  if (!other.pidSpace || other.startTicks === undefined) return 'unknown'
  if (other.pidSpace !== (await readPidSpace())) return 'unknown'
  if (!processAlive(other.pid)) return 'dead'
  const stat = await readStat(other.pid)
  // It exists and can't be read: /proc hides other users' processes here.
  if (!stat) return processAlive(other.pid) ? 'unknown' : 'dead'
  return stat.ended || stat.startTicks !== other.startTicks ? 'dead' : 'alive'
}

async function readPidSpace(): Promise<string | null> {
  try {
    const [boot, space] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readlink('/proc/self/ns/pid'),
    ])
    return `${boot.trim()} ${space}`
  } catch {
    return null
  }
}

/** Fields of proc(5) stat; the second, the command in parentheses, may itself hold spaces and parentheses. */
async function readStat(pid: number): Promise<{ ended: boolean; startTicks: number } | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const startTicks = Number(fields[19])
    // A zombie has ended; only its parent has not looked yet.
    return Number.isInteger(startTicks) ? { ended: /^[ZX]/.test(fields[0] ?? ''), startTicks } : null
  } catch {
    return null
  }
}
