// Listings of a directory tree in the order of whole keys. Memory is that of the largest single directory, never of the tree.
import type { BigIntStats, Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../domain/errors.js'
import { throwIfInterrupted } from '../sys/interruption.js'
import type { Root } from './directory-root.js'
import { fileFailure, isAbsent } from './file-errors.js'
import { byUtf8, PRIVATE_PREFIX } from './key-law.js'
import type { ListOptions, StoredObject } from './port.js'

/** Which content stands there, without reading it: every write is a new file. */
export const versionOf = (at: BigIntStats): string => `${at.ino}-${at.mtimeNs}-${at.size}`

const STATS_AT_ONCE = 64

interface Entry {
  /** The key of a file; of a directory, the key's beginning with its `/`. */
  key: string
  path: string
  isDirectory: boolean
}

/** Every file below `root` whose key starts with `prefix`, in the order of the keys' bytes. */
export async function* walk(root: Root, prefix: string, options: ListOptions): AsyncGenerator<StoredObject> {
  await root.check()
  const wanted = (entry: Entry) =>
    (entry.isDirectory ? meets(entry.key, prefix) : entry.key.startsWith(prefix)) &&
    isAfter(entry, options.after)
  const top = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  yield* walkDirectory({ key: top, path: join(root.path, top), isDirectory: true }, wanted, options.signal)
  await root.check()
}

/** The names of the directories right below `prefix` that hold at least one file at any depth. */
export async function* walkFolders(
  root: Root,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  await root.check()
  for (const entry of await entriesOf({ key: prefix, path: join(root.path, prefix), isDirectory: true })) {
    throwIfInterrupted(signal)
    if (entry.isDirectory && (await holdsFile(entry))) yield entry.key.slice(prefix.length)
  }
  await root.check()
}

async function* walkDirectory(
  directory: Entry,
  wanted: (entry: Entry) => boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<StoredObject> {
  throwIfInterrupted(signal)
  const entries = (await entriesOf(directory)).filter(wanted)
  for (let at = 0; at < entries.length; ) {
    const entry = entries[at]
    if (entry?.isDirectory) {
      yield* walkDirectory(entry, wanted, signal)
      at++
      continue
    }
    throwIfInterrupted(signal)
    const run = filesFrom(entries, at)
    for (const object of await Promise.all(run.map(described))) if (object) yield object
    at += run.length
  }
}

function filesFrom(entries: readonly Entry[], start: number): Entry[] {
  const run = entries.slice(start, start + STATS_AT_ONCE)
  const end = run.findIndex(entry => entry.isDirectory)
  return end < 0 ? run : run.slice(0, end)
}

/** Null for a file that went while we looked. */
async function described(entry: Entry): Promise<StoredObject | null> {
  try {
    const at = await lstat(entry.path, { bigint: true })
    return { key: entry.key, bytes: Number(at.size), modifiedAt: at.mtime, version: versionOf(at) }
  } catch (thrown) {
    if (isAbsent(thrown)) return null
    throw fileFailure(thrown, `look at ${entry.path}`)
  }
}

async function holdsFile(directory: Entry): Promise<boolean> {
  for (const entry of await entriesOf(directory)) {
    if (!entry.isDirectory || (await holdsFile(entry))) return true
  }
  return false
}

/** One directory's entries in the order of the keys; none when it is not there. */
async function entriesOf(directory: Entry): Promise<Entry[]> {
  let found: Dirent[]
  try {
    found = await readdir(directory.path, { withFileTypes: true })
  } catch (thrown) {
    if (isAbsent(thrown)) return []
    throw fileFailure(thrown, `list ${directory.path}`)
  }
  return found
    .filter(one => directory.key !== '' || !one.name.startsWith(PRIVATE_PREFIX))
    .map(one => entryOf(directory, one))
    .sort((a, b) => byUtf8(a.key, b.key))
}

function entryOf(directory: Entry, found: Dirent): Entry {
  const path = join(directory.path, found.name)
  if (!found.isDirectory() && !found.isFile()) {
    // Skipped, it would make the listing incomplete without a word; followed, it could lead anywhere.
    throw new Failure('store-refused', `${path} is neither a file nor a directory`, {
      hint: 'keep symbolic links and special files out of the store',
    })
  }
  const isDirectory = found.isDirectory()
  return { key: `${directory.key}${found.name}${isDirectory ? '/' : ''}`, path, isDirectory }
}

/** Whether keys below `directoryKey` can start with `prefix`. */
const meets = (directoryKey: string, prefix: string): boolean =>
  directoryKey.startsWith(prefix) || prefix.startsWith(directoryKey)

function isAfter(entry: Entry, after: string | undefined): boolean {
  if (after === undefined || byUtf8(entry.key, after) > 0) return true
  return entry.isDirectory && after.startsWith(entry.key)
}
