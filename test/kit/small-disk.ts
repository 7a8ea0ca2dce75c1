// A disk that is soon full: a file system in memory of a size of one's own choosing.
import { execFileSync } from 'node:child_process'
import { onTestFinished } from 'vitest'

/** Mounted on the folder until the test is over. @returns false where we may not mount one: only root may. */
export function mountSmall(path: string, kibibytes: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'none', path], { stdio: 'ignore' })
  } catch {
    return false
  }
  onTestFinished(() => void execFileSync('umount', [path]))
  return true
}
