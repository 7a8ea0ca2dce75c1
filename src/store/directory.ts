// The store port on a local directory: an object is a file, its key is the path. Durable (fsync) and atomic (rename, link).
// Conditional puts hold among all processes of this machine; across machines only where the network mount has POSIX locks.
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '../domain/errors.js'
import type { Clock } from '../sys/clock.js'
import { throwIfInterrupted } from '../sys/interruption.js'
import { readRange } from './directory-range.js'
import { directoryRoot, type Root } from './directory-root.js'
import { folderSync } from './directory-sync.js'
import { walk, walkFolders } from './directory-walk.js'
import { directoryWriter, type Place, type Writer } from './directory-writer.js'
import { errnoCode, fileFailure, isAbsent } from './file-errors.js'
import { checkPrefix } from './key-law.js'
import type { PutOptions, Store } from './port.js'

/** Systems write on their own what is half a minute old. */
const YOUNG_MS = 10 * 60_000

export interface DirectoryOptions {
  path: string
  /** Make the directory when it is missing. Without it a missing directory is an error: a disk may not be mounted. */
  create?: boolean
  clock: Clock
  /** Files that someone else named are read too. */
  anyKeys?: boolean
}

/**
 * A store in the directory at `path`; nothing is touched before the first call. Etags are SHA-256 of the content.
 * A key that is the beginning of another one (`a` and `a/b`) is store-refused here, where S3 has room for both.
 */
export function directoryStore(options: DirectoryOptions): Store {
  const root = directoryRoot(options)
  const folders = folderSync()
  const writer = directoryWriter(root, options.clock, folders)
  return {
    name: `directory ${root.path}`,
    put: (key, body, how = {}) => putFile(root, writer, { key, body, how }),
    get: async (key, how = {}) => {
      const found = await readObject(root, key, how.signal)
      if (!found) throw new Failure('object-missing', `there is no object ${key}`)
      return { body: found.body, etag: etagOf(found.body) }
    },
    head: async (key, how = {}) => {
      const found = await readObject(root, key, how.signal)
      return found && { bytes: found.body.length, etag: etagOf(found.body), modifiedAt: found.modifiedAt }
    },
    list: async function* (prefix, how = {}) {
      checkPrefix(prefix)
      for await (const object of walk(root, prefix, how)) {
        if (how.toBeNamed && isYoung(object, options.clock)) folders.owe(dirname(root.fileOf(object.key)))
        yield object
      }
    },
    folders: async function* (prefix, how = {}) {
      checkPrefix(prefix)
      yield* walkFolders(root, prefix, how.signal)
    },
    putStream: (key, body, how) => putStreamed(root, writer, { key, body, signal: how.signal }),
    getRange: (key, range, how = {}) => readRange(root, key, { ...range, ...how }),
    // A half put has no name: the next writer sweeps what it left.
    uploads: async function* (prefix) {
      checkPrefix(prefix)
      yield* []
    },
    abortUpload: async () => {},
    delete: (key, how = {}) => deleteFile(root, writer, key, how.signal),
  }
}

/** Whoever put it may have been killed before it was synced. What is older has long been written by the system. */
const isYoung = ({ modifiedAt }: { modifiedAt: Date }, clock: Clock): boolean =>
  clock.now().getTime() - modifiedAt.getTime() < YOUNG_MS

const etagOf = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex')

async function putFile(
  root: Root,
  writer: Writer,
  { key, body, how }: { key: string; body: Uint8Array; how: PutOptions },
): Promise<{ etag: string }> {
  const file = root.fileOf(key)
  throwIfInterrupted(how.signal)
  await root.check()
  let placed: boolean
  try {
    placed = await writer.write(file, body, placeFor(file, how), {
      later: how.durable === 'later',
      signal: how.signal,
    })
  } catch (thrown) {
    throwIfInterrupted(how.signal)
    if (errnoCode(thrown) === 'ENOENT') await root.check()
    throw fileFailure(thrown, `write ${file}`)
  }
  if (placed) {
    // Hashed for who asks: of chunks, most of what is put, nobody does.
    return {
      get etag() {
        return etagOf(body)
      },
    }
  }
  const why = how.when === 'absent' ? 'exists already' : 'is not the one that was read before'
  throw new Failure('store-conflict', `the object ${key} ${why}`)
}

async function putStreamed(
  root: Root,
  writer: Writer,
  { key, body, signal }: { key: string; body: AsyncIterable<Uint8Array>; signal: AbortSignal | undefined },
): Promise<{ etag: string }> {
  const file = root.fileOf(key)
  throwIfInterrupted(signal)
  await root.check()
  const hash = createHash('sha256')
  const hashed = async function* () {
    for await (const part of body) {
      throwIfInterrupted(signal)
      hash.update(part)
      yield part
    }
    throwIfInterrupted(signal)
  }
  const placed = await writer.write(file, hashed(), 'absent', { signal }).catch(thrown => {
    throwIfInterrupted(signal)
    throw errnoCode(thrown) === '' ? thrown : fileFailure(thrown, `write ${file}`)
  })
  if (placed) return { etag: hash.digest('hex') }
  throw new Failure('store-conflict', `the object ${key} exists already`)
}

function placeFor(file: string, { when }: PutOptions): Place {
  if (when === undefined) return 'replace'
  if (when === 'absent') return 'absent'
  return {
    onlyIf: async () => {
      const found = await readFileAt(file)
      return found !== null && etagOf(found.body) === when.etag
    },
  }
}

async function readObject(
  root: Root,
  key: string,
  signal: AbortSignal | undefined,
): Promise<{ body: Uint8Array; modifiedAt: Date } | null> {
  const file = root.fileOf(key)
  throwIfInterrupted(signal)
  const found = await readFileAt(file)
  throwIfInterrupted(signal)
  // "Not there" is only worth something while the root is the one we know.
  if (!found) await root.check()
  return found
}

async function readFileAt(file: string): Promise<{ body: Uint8Array; modifiedAt: Date } | null> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const at = await handle.stat()
      if (at.isDirectory()) return null
      const body = await handle.readFile()
      if (body.length === at.size) return { body, modifiedAt: at.mtime }
      throw new Failure('object-corrupt', `${file} has ${body.length} bytes where ${at.size} were announced`)
    } finally {
      await handle.close()
    }
  } catch (thrown) {
    if (isAbsent(thrown)) return null
    throw fileFailure(thrown, `read ${file}`)
  }
}

async function deleteFile(
  root: Root,
  writer: Writer,
  key: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const file = root.fileOf(key)
  throwIfInterrupted(signal)
  await root.check()
  try {
    await unlink(file)
  } catch (thrown) {
    if (isAbsent(thrown) || errnoCode(thrown) === 'EISDIR') return
    throw fileFailure(thrown, `delete ${file}`)
  }
  await writer.prune(file)
}
