// Removes the scratch servers of processes that are gone: after a crash nothing of a drill stays on the machine.
// Touches nothing but folders that carry a scratch server's name and whose owner is dead.
import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../sys/clock.js'
import { isLeftover } from '../sys/owner.js'
import { stillRuns } from '../sys/process-identity.js'
import { SCRATCH } from './scratch-folder.js'

const STOP_WITHIN_MS = 10_000
const PAUSE_MS = 25

/** Stops and removes the leftovers in `parent`. @returns the folders that were removed. */
export async function sweepScratchServers(parent: string, clock: Clock): Promise<string[]> {
  const names = await readdir(parent).catch(() => [])
  const leftovers = names.filter(name => isLeftover(SCRATCH, name)).map(name => join(parent, name))
  for (const folder of leftovers) {
    await stopPostmaster(join(folder, 'data'), clock)
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  return leftovers
}

async function stopPostmaster(dataDirectory: string, clock: Clock): Promise<void> {
  const pid = await postmasterOf(dataDirectory)
  if (pid === null) return
  send(pid, 'SIGQUIT')
  const start = clock.ticks()
  while (stillRuns(pid)) {
    if (clock.ticks() - start > STOP_WITHIN_MS) send(pid, 'SIGKILL')
    await clock.sleep(PAUSE_MS)
  }
}

/** A process that is gone meanwhile is what was wanted. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (stillRuns(pid)) throw error
  }
}

/** The lock file may be stale and its process id another's by now: only a process that works in the data directory is ours to end. */
async function postmasterOf(dataDirectory: string): Promise<number | null> {
  try {
    const pid = Number((await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')[0])
    const folder = await readlink(`/proc/${pid}/cwd`)
    return folder === (await realpath(dataDirectory)) ? pid : null
  } catch {
    return null
  }
}
