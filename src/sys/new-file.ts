// A new file that appears under its name only when it is whole and on disk; nothing is ever overwritten.
import { link, lstat, open, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '../domain/errors.js'

/**
 * @param mark tells this writer's unfinished file from others'.
 * @throws Failure file-exists, target-invalid (no such folder), disk-full; whatever `parts` throws.
 */
export async function writeNewFile(
  file: string,
  mark: string,
  parts: AsyncIterable<Uint8Array>,
): Promise<void> {
  const partial = `${file}.${mark}.partial`
  const handle = await open(partial, 'wx', 0o600).catch(thrown => {
    throw explain(thrown, file)
  })
  try {
    for await (const part of parts) await handle.writeFile(part)
    await handle.sync()
    await link(partial, file)
  } catch (thrown) {
    throw explain(thrown, file)
  } finally {
    await handle.close()
    await rm(partial, { force: true })
  }
}

/** Before gigabytes are fetched for nothing; the link in the end is what makes it sure. */
export async function checkNewFile(file: string): Promise<void> {
  if (file === '-') throw notStdout()
  if (await lstat(file).catch(() => null)) throw fileExists(file)
  const folder = await stat(dirname(file)).catch(() => null)
  if (!folder?.isDirectory()) throw noFolder(file)
}

function explain(thrown: unknown, file: string): unknown {
  switch ((thrown as NodeJS.ErrnoException).code) {
    case 'EEXIST':
      return fileExists(file)
    case 'ENOSPC':
    case 'EDQUOT':
      return new Failure('disk-full', `no room for ${file}`, {
        cause: thrown,
        hint: `free space in ${dirname(file)}, or choose another folder; nothing of it was left there`,
      })
    case 'ENOENT':
    case 'ENOTDIR':
      return noFolder(file)
    default:
      return thrown
  }
}

const fileExists = (file: string): Failure => new Failure('file-exists', `there is a file ${file} already`)

/** Whoever reads a pipe has swallowed the most of it before the end tells whether all was right. */
const notStdout = (): Failure =>
  new Failure('target-invalid', '- is not taken for standard output', {
    hint: 'name a file: it appears when it is whole and right (a file that is called so: ./-)',
  })

const noFolder = (file: string): Failure =>
  new Failure('target-invalid', `there is no folder ${dirname(file)}`, {
    hint: 'make it, or choose another one',
  })
