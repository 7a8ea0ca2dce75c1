// The top of a directory store: it must be there, it is never made unasked, and it stays the same directory while we run.
import { mkdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Failure } from '../domain/errors.js'
import { fileFailure, isAbsent } from './file-errors.js'
import { checkAnyKey, checkKey } from './key-law.js'

export interface Root {
  readonly path: string
  /** Where the object of this key lives. @throws Failure store-refused for a key that breaks the law. */
  fileOf(key: string): string
  /**
   * Resolves while the directory is the one first met.
   * @throws Failure store-missing when it is gone, or when another one (an unmounted disk's mount point) stands in its place.
   */
  check(): Promise<void>
}

/** Nothing is touched before the first check. With `create` that makes the directory where there is none. */
export function directoryRoot(options: { path: string; create?: boolean; anyKeys?: boolean }): Root {
  const path = resolve(options.path)
  let first: Promise<string> | null = null
  const identityAtFirst = () => {
    first ??= meet(path, options.create ?? false).catch(thrown => {
      first = null
      throw thrown
    })
    return first
  }
  return {
    path,
    fileOf: key => {
      if (options.anyKeys) checkBelow(key)
      else checkKey(key)
      return join(path, ...key.split('/'))
    },
    check: async () => {
      const known = await identityAtFirst()
      if ((await identity(path)) === known) return
      throw new Failure('store-missing', `${path} is not the directory it was before`, {
        hint: 'was a disk unmounted or mounted below the daemon? put it back, then restart the daemon',
      })
    },
  }
}

/** A name of someone else's must not lead anywhere but below the root. */
function checkBelow(key: string): void {
  checkAnyKey(key)
  if (!key.includes('\0') && !key.split('/').some(one => ['', '.', '..'].includes(one))) return
  throw new Failure('store-refused', `${JSON.stringify(key)} is no path below the directory`)
}

async function meet(path: string, create: boolean): Promise<string> {
  if (create) {
    await mkdir(path, { recursive: true, mode: 0o700 }).catch(thrown => {
      throw fileFailure(thrown, `create the directory ${path}`)
    })
  }
  return identity(path)
}

async function identity(path: string): Promise<string> {
  try {
    const at = await stat(path, { bigint: true })
    if (at.isDirectory()) return `${at.dev}:${at.ino}`
  } catch (thrown) {
    if (!isAbsent(thrown)) throw fileFailure(thrown, `look at the directory ${path}`)
  }
  throw new Failure('store-missing', `there is no directory ${path}`)
}
