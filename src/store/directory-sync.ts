// Folders whose entries a crash of the machine could still lose, and how they get on disk: many at once, and before
// anything is written that may name what they hold.
import { open } from 'node:fs/promises'
import { fileFailure, isAbsent } from './file-errors.js'

const AT_ONCE = 32

export interface FolderSync {
  /** What is in `folder` now must be on disk when the next `settle` has resolved. */
  owe(folder: string): void
  /** @throws Failure store-unreachable and the like, which names the folder; what was owed before stays owed. */
  settle(): Promise<void>
}

export function folderSync(): FolderSync {
  const owed = new Set<string>()
  let last: Promise<void> = Promise.resolve()

  const settleNow = async () => {
    const folders = [...owed]
    owed.clear()
    try {
      for (let at = 0; at < folders.length; at += AT_ONCE) {
        await Promise.all(folders.slice(at, at + AT_ONCE).map(syncIfThere))
      }
    } catch (thrown) {
      for (const folder of folders) owed.add(folder)
      throw thrown
    }
  }

  return {
    owe: folder => void owed.add(folder),
    // In turn: who comes second may find nothing owed while what it has put is still on its way.
    settle: () => {
      last = last.then(settleNow, settleNow)
      return last
    },
  }
}

export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * A folder that is gone had its objects deleted, and was pruned. The system's error does not say which folder it is about, and
 * what is being put lies in another one.
 */
async function syncIfThere(path: string): Promise<void> {
  await syncFolder(path).catch(thrown => {
    if (!isAbsent(thrown))
      throw fileFailure(thrown, `sync the folder ${path}; nothing is put before that is done`)
  })
}
