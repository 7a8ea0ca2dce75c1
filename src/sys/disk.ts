// How much room a file system has.
import { statfs } from 'node:fs/promises'

/** Bytes that a process without special rights may still write below this path; null when it cannot be asked. */
export async function freeBytes(path: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch {
    return null
  }
}
