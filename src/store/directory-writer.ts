// Whole files only: each is written and synced under a private name, then takes its final one in a single step.
// A writer killed midway leaves a private file that no listing shows; the next writer sweeps it when it is old.
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure } from '../domain/errors.js'
import type { Clock } from '../sys/clock.js'
import { fileLock } from '../sys/file-lock.js'
import type { Root } from './directory-root.js'
import { type FolderSync, syncFolder, syncIfThere } from './directory-sync.js'
import { errnoCode, isAbsent } from './file-errors.js'
import { PRIVATE_PREFIX } from './key-law.js'

const PRIVATE_PLACE = `${PRIVATE_PREFIX}gmah-backup`
const PART = '.part'
/** No put is silent for this long: private files last written before that have no writer any more. */
const LEFTOVER_AFTER_MS = 3_600_000
/** How often a parent directory may vanish under us (emptied and pruned by others) before we give in. */
const PARENT_TRIES = 5
const KNOWN_DIRECTORIES_MAX = 10_000

export type Place = 'replace' | 'absent' | { onlyIf: () => Promise<boolean> }

export type Body = Uint8Array | AsyncIterable<Uint8Array>

interface WriteOptions {
  later?: boolean
  signal?: AbortSignal | undefined
}

export interface Writer {
  /**
   * Puts the bytes at `file`, durably: now, and after all that was put for later, or `later` itself, with the next that is not.
   * `onlyIf` is asked, and acted on, under a lock that all writers of this store share.
   * @returns false when the condition of `place` does not hold.
   */
  write(file: string, body: Body, place: Place, options?: WriteOptions): Promise<boolean>
  /** Removes the directories above `file` that hold nothing any more. */
  prune(file: string): Promise<void>
}

/** A writer into the tree below `root`. @param folders what is owed there, by it and by others. */
export function directoryWriter(root: Root, clock: Clock, folders: FolderSync): Writer {
  const privatePlace = join(root.path, PRIVATE_PLACE)
  const lock = fileLock(join(privatePlace, 'lock'), clock)
  const parents = parentMaker(root.path)
  let prepared: Promise<void> | null = null
  const prepare = () => {
    prepared ??= preparePlace(privatePlace, clock).catch(thrown => {
      prepared = null
      throw thrown
    })
    return prepared
  }

  const settle = async (part: string, file: string, place: Place, signal?: AbortSignal): Promise<boolean> => {
    if (place === 'replace') await rename(part, file)
    else if (place === 'absent') return linkNew(part, file)
    else {
      return lock.run(
        async () => {
          if (!(await place.onlyIf())) return false
          await rename(part, file)
          return true
        },
        signal ? { signal } : {},
      )
    }
    return true
  }

  return {
    write: async (file, body, place, { later = false, signal } = {}) => {
      await prepare()
      if (!later) await folders.settle()
      const part = join(privatePlace, `${randomBytes(8).toString('hex')}${PART}`)
      let renamed = false
      try {
        await writeSynced(part, body, signal)
        for (let tries = 1; ; tries++) {
          try {
            await parents.make(dirname(file))
            const placed = await settle(part, file, place, signal)
            renamed = placed && place !== 'absent'
            if (placed && later) folders.owe(dirname(file))
            else if (placed) await syncIfThere(dirname(file))
            return placed
          } catch (thrown) {
            if (errnoCode(thrown) !== 'ENOENT' || tries === PARENT_TRIES) throw thrown
            parents.forget(dirname(file))
          }
        }
      } finally {
        // Asked of a name that is gone, node makes an error with its stack, which takes as long as all the rest here.
        if (!renamed) await rm(part, { force: true })
      }
    },
    prune: file => pruneAbove(file, root.path, parents.forget),
  }
}

async function preparePlace(place: string, clock: Clock): Promise<void> {
  // Not recursive: where the root itself is gone, this must fail and not make another one.
  await mkdir(place, { mode: 0o700 }).catch(thrown => {
    if (errnoCode(thrown) !== 'EEXIST') throw thrown
  })
  const nowMs = clock.now().getTime()
  for (const name of await readdir(place)) {
    if (!name.endsWith(PART)) continue
    const at = await stat(join(place, name)).catch(() => null)
    if (at && nowMs - at.mtimeMs > LEFTOVER_AFTER_MS) await rm(join(place, name), { force: true })
  }
}

async function writeSynced(file: string, body: Body, signal?: AbortSignal): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    const parts = body instanceof Uint8Array ? [body] : body
    // On a handle each of these goes on where the last one ended.
    for await (const part of parts) await handle.writeFile(part, signal ? { signal } : {})
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function linkNew(part: string, file: string): Promise<boolean> {
  try {
    await link(part, file)
    return true
  } catch (thrown) {
    if (errnoCode(thrown) === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'ENOSYS'].includes(errnoCode(thrown))) throw thrown
    throw new Failure('store-refused', 'this file system has no hard links, which conditional puts need', {
      cause: thrown,
      hint: 'keep the store on a file system like ext4, xfs, btrfs, zfs or NFS',
    })
  }
}

/** Makes directories below the root and remembers those whose own entry is known to be on disk. */
function parentMaker(root: string): { make(path: string): Promise<void>; forget(path: string): void } {
  const durable = new Set<string>()
  const make = async (path: string): Promise<void> => {
    if (path === root || durable.has(path)) return
    await make(dirname(path))
    await mkdir(path, { mode: 0o700 }).catch(thrown => {
      if (errnoCode(thrown) !== 'EEXIST') throw thrown
    })
    await syncFolder(dirname(path))
    if (durable.size >= KNOWN_DIRECTORIES_MAX) durable.clear()
    durable.add(path)
  }
  const forget = (path: string): void => {
    for (let at = path; at.length > root.length; at = dirname(at)) durable.delete(at)
  }
  return { make, forget }
}

async function pruneAbove(file: string, root: string, forget: (path: string) => void): Promise<void> {
  for (let at = dirname(file); at.length > root.length; at = dirname(at)) {
    try {
      forget(at)
      await rmdir(at)
    } catch (thrown) {
      if (isAbsent(thrown)) continue
      // It holds something, or it is not ours to remove: either way the object itself is gone.
      return
    }
  }
}
