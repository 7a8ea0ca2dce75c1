// How our children stay out of the way of the server's own work.
// Each wrapper is used where it is installed and left out where it is not: politeness is never a reason to fail.
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'

export interface Politeness {
  /** 0 (none) to 19. */
  nice?: number
  /** Class 2 level 7, class 3, or not at all. */
  ionice?: 'none' | 'best-effort' | 'idle'
}

const SETPRIV = '/usr/bin/setpriv'
const FOLDERS = ['/usr/bin', '/bin', '/usr/local/bin']

/**
 * What to put before a command: nice, ionice, and stdbuf when its output is to be gathered.
 * pg_dump writes 4 KiB blocks; 256 KiB ones more than halve what reading them costs.
 */
export async function politeWrapper(
  politeness: Politeness,
  options: { bigWrites: boolean },
): Promise<string[]> {
  const wanted: string[][] = []
  if (politeness.nice) wanted.push(['nice', '-n', String(politeness.nice)])
  if (politeness.ionice === 'best-effort') wanted.push(['ionice', '-c', '2', '-n', '7'])
  if (politeness.ionice === 'idle') wanted.push(['ionice', '-c', '3'])
  if (options.bigWrites) wanted.push(['stdbuf', '-o256K'])
  const found = await Promise.all(
    wanted.map(async ([command = '', ...args]) => {
      const path = await firstExecutable(FOLDERS.map(folder => join(folder, command)))
      return path === null ? [] : [path, ...args]
    }),
  )
  return found.flat()
}

/**
 * A wrapper by which the kernel sends the child a signal when we die, even by SIGKILL: an orphaned pg_dump would go on
 * holding locks. Source: prctl(2), PR_SET_PDEATHSIG; it follows the thread that started the child.
 */
export async function dieWithUs(signal: 'TERM' | 'QUIT'): Promise<string[]> {
  return (await executable(SETPRIV)) ? [SETPRIV, '--pdeathsig', signal, '--'] : []
}

async function firstExecutable(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) if (await executable(path)) return path
  return null
}

/** True for a file that we may run. */
export async function executable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
