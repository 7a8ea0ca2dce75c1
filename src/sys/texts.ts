// The texts of configuration files: as they are on the disk now, or as they were when they were last good.
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { Failure } from '../domain/errors.js'
import { listFiles } from './list-files.js'

export interface Texts {
  /** @throws Failure config-missing when it cannot be read. */
  read(file: string): string
  /** Names in the folder with this ending, sorted. @throws Failure config-invalid when there is no such folder. */
  list(folder: string, ending: string): string[]
  /** Is there such a folder? */
  has(folder: string): boolean
}

/** @param seen gets every text that is read, by its absolute path. */
export function textsOnDisk(seen: Map<string, string>): Texts {
  return {
    read: file => {
      const text = readText(file)
      seen.set(file, text)
      return text
    },
    list: listFiles,
    has: existsSync,
  }
}

/** @param texts by their absolute paths. */
export function textsOf(texts: ReadonlyMap<string, string>): Texts {
  const inside = (folder: string): string[] => [...texts.keys()].filter(file => dirname(file) === folder)
  return {
    read: file => {
      const text = texts.get(file)
      if (text === undefined) throw new Failure('config-missing', `there was no ${file}`)
      return text
    },
    list: (folder, ending) =>
      inside(folder)
        .map(file => basename(file))
        .filter(name => name.endsWith(ending))
        .sort(),
    has: folder => inside(folder).length > 0,
  }
}

/** @throws Failure config-missing */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Failure('config-missing', `cannot read ${file}`, { cause, hint: 'check its owner and mode' })
  }
}
