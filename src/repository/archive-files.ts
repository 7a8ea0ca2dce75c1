// The application's files on their way into an archive: listed, then read one after the other, each of one version only.
// Read-only. What changed or went meanwhile is said; nothing is archived whose bytes are of two versions.

import type { ArchiveException, OtherName } from '../domain/archive.js'
import { FolderClashes, memberNamer } from '../domain/archive-names.js'
import { asFailure, Failure } from '../domain/errors.js'
import { lineSpool } from '../seal/line-spool.js'
import type { TarMember } from '../seal/tar.js'
import type { Piece, Store, StoredObject } from '../store/port.js'

export interface ListedFile extends StoredObject {
  /** What it is called inside the archive. */
  name: string
}

/** Every file of a tenant as it was listed, in the order of the listing. Not in memory: there may be millions. */
export interface FileListing {
  count: number
  /** Of all files together. */
  bytes: number
  /** As often as one likes. */
  files(): AsyncGenerator<ListedFile>
  /** Those which are called otherwise in the archive. */
  otherNames(): AsyncGenerator<OtherName>
  close(): Promise<void>
}

const PIECE_BYTES = 4 * 1024 * 1024
/** Beginnings fetched ahead: most files are no longer, and a store's answer takes its time. */
const AHEAD = 4
/** A file that changes while it is read is read anew so often. */
const TRIES = 3

/** Path below `top`, bytes, the last write as ms since 1970, and where the listing tells it the version. */
type Line = [path: string, bytes: number, modifiedMs: number, version?: string]

/** Lists what is below the tenant's folders. `top` ends in `/`. Call `close` of it in the end. @param spoolFolder for what is too much for memory. */
export async function listFiles(
  store: Store,
  top: string,
  folders: readonly string[],
  { spoolFolder, signal }: { spoolFolder: string; signal: AbortSignal },
): Promise<FileListing> {
  const spool = lineSpool(spoolFolder)
  const clashes = new FolderClashes()
  let bytes = 0
  try {
    for (const folder of folders) {
      for await (const object of store.list(`${top}${folder}/`, { signal })) {
        const line: Line = [object.key.slice(top.length), object.bytes, object.modifiedAt.getTime()]
        if (object.version !== undefined) line.push(object.version)
        clashes.see(line[0])
        bytes += object.bytes
        await spool.add(JSON.stringify(line))
      }
    }
  } catch (thrown) {
    await spool.close()
    throw thrown
  }
  async function* files(): AsyncGenerator<ListedFile> {
    const nameOf = memberNamer(clashes)
    for await (const text of spool.lines()) yield listed(JSON.parse(text), top, nameOf)
  }
  async function* otherNames(): AsyncGenerator<OtherName> {
    for await (const { key, name } of files()) if (key !== top + name) yield { name, key }
  }
  return { count: spool.count, bytes, files, otherNames, close: spool.close }
}

function listed(
  [path, bytes, modifiedMs, version]: Line,
  top: string,
  nameOf: ReturnType<typeof memberNamer>,
): ListedFile {
  const [key, modifiedAt, name] = [top + path, new Date(modifiedMs), nameOf({ path, bytes })]
  return { key, bytes, modifiedAt, name, ...(version === undefined ? {} : { version }) }
}

/** A member of an archive; when it was written, `sound` says whether its content is what was stored. */
export interface FileMember extends TarMember {
  sound(): boolean
}

/**
 * The files as members, in order. Reads ahead a little.
 * @param onException told of each file that is not in the archive as it was listed.
 * @throws Failure store-* when the store cannot be read: nothing is left out for that.
 */
export async function* readFiles(
  store: Store,
  files: AsyncIterable<ListedFile>,
  options: { signal: AbortSignal; onException(exception: ArchiveException): Promise<void> },
): AsyncGenerator<FileMember> {
  const ahead: { file: ListedFile; first: Promise<Piece | null> }[] = []
  async function* next(): AsyncGenerator<FileMember> {
    const begun = ahead.shift()
    if (begun) yield* membersOf(store, begun.file, await begun.first, options)
  }
  for await (const file of files) {
    const first = firstPiece(store, file, options.signal)
    // One that fails ahead of its turn is told when its turn comes.
    first.catch(() => {})
    ahead.push({ file, first })
    if (ahead.length === AHEAD) yield* next()
  }
  while (ahead.length > 0) yield* next()
}

async function firstPiece(store: Store, file: ListedFile, signal: AbortSignal): Promise<Piece | null> {
  try {
    return await store.getRange(file.key, { start: 0, bytes: PIECE_BYTES }, { signal })
  } catch (thrown) {
    if (asFailure(thrown).code === 'object-missing') return null
    throw thrown
  }
}

/**
 * Usually one member. A tar cannot take back what it has, so of a file that changed midway the rest is filled with zeros and
 * the file follows once more: of two members with one name the last is the one that counts.
 */
async function* membersOf(
  store: Store,
  file: ListedFile,
  begun: Piece | null,
  { signal, onException }: Parameters<typeof readFiles>[2],
): AsyncGenerator<FileMember> {
  const { key, name, modifiedAt } = file
  const say = (what: ArchiveException['what'], detail: string): Promise<void> =>
    onException({ key, what, detail })
  let first = begun
  for (let attempt = 1; ; attempt++) {
    if (!first) break
    // Its name is a folder's now, and any other might be some file's.
    if (name.endsWith('/') && first.totalBytes > 0)
      return await say('missing', 'it was an empty folder when it was listed')
    const member = memberOf(store, file, first, signal)
    yield member
    if (member.sound()) {
      if (attempt > 1)
        await say('changed', `it changed while it was read; its last member, the ${attempt}., is whole`)
      else if (isOther(file, first))
        await say('changed', `listed with ${file.bytes} bytes, read with ${first.totalBytes}`)
      return
    }
    if (attempt === TRIES) break
    first = await firstPiece(store, file, signal)
  }
  const torn = first !== null || begun !== null
  // Whoever unpacks all of it must not find a file with a wrong end.
  if (torn) yield { name, bytes: 0, modifiedAt, body: [], sound: () => false }
  await say('missing', first ? 'it changed each time it was read' : 'it was deleted after it was listed')
}

const isOther = (file: ListedFile, piece: Piece): boolean =>
  piece.totalBytes !== file.bytes || (file.version !== undefined && piece.version !== file.version)

function memberOf(store: Store, file: ListedFile, first: Piece, signal: AbortSignal): FileMember {
  let sound = true
  async function* body(): AsyncGenerator<Uint8Array> {
    yield first.body
    const { version, totalBytes } = first
    for (let start = first.body.length; start < totalBytes; start += PIECE_BYTES) {
      const bytes = Math.min(PIECE_BYTES, totalBytes - start)
      const piece = sound ? await nextPiece(store, file.key, { start, bytes }, { version, signal }) : null
      if (piece === null) sound = false
      yield piece ?? new Uint8Array(bytes)
    }
  }
  const { name } = file
  const { totalBytes: bytes, modifiedAt } = first
  return { name, bytes, modifiedAt, body: body(), sound: () => sound }
}

async function nextPiece(
  store: Store,
  key: string,
  range: { start: number; bytes: number },
  options: { version: string; signal: AbortSignal },
): Promise<Uint8Array | null> {
  try {
    const { body } = await store.getRange(key, range, options)
    if (body.length !== range.bytes) throw new Failure('object-corrupt', `the object ${key} came short`)
    return body
  } catch (thrown) {
    if (['store-conflict', 'object-missing'].includes(asFailure(thrown).code)) return null
    throw thrown
  }
}
