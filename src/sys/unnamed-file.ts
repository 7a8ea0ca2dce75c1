// A file that no name leads to: for what is too much for memory and nobody else's. The kernel frees it with the process,
// however that ends, so a crash leaves nothing behind.
import { randomBytes } from 'node:crypto'
import { mkdir, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../domain/errors.js'

export interface UnnamedFile {
  /** At the end. Not to be called again before it has resolved. @throws Failure disk-full */
  append(bytes: Uint8Array): Promise<void>
  /** A stretch of what was appended, exactly as long as asked. */
  read(start: number, bytes: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** @param folder made when it isn't there. @throws Failure disk-full */
export async function openUnnamedFile(folder: string): Promise<UnnamedFile> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `unnamed-${randomBytes(8).toString('hex')}`)
  const handle = await open(path, 'wx+', 0o600).catch(thrown => {
    throw explained(thrown, folder)
  })
  await unlink(path)
  let end = 0
  return {
    append: async bytes => {
      for (let rest = bytes; rest.length > 0; ) {
        const { bytesWritten } = await handle.write(rest, 0, rest.length, end).catch(thrown => {
          throw explained(thrown, folder)
        })
        end += bytesWritten
        rest = rest.subarray(bytesWritten)
      }
    },
    read: async (start, bytes) => {
      const body = new Uint8Array(bytes)
      for (let at = 0; at < bytes; ) {
        const { bytesRead } = await handle.read(body, at, bytes - at, start + at)
        if (bytesRead === 0) throw new Failure('unexpected', `a temporary file in ${folder} is too short`)
        at += bytesRead
      }
      return body
    },
    close: () => handle.close(),
  }
}

function explained(thrown: unknown, folder: string): unknown {
  const { code } = thrown as NodeJS.ErrnoException
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return thrown
  return new Failure('disk-full', `no room in ${folder}`, { cause: thrown })
}
