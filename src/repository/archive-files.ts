// The application's files on their way into an archive: listed, then read one after the other, each of one version only.
// Read-only. What changed or went meanwhile is said; nothing is archived whose bytes are of two versions.

import type { ArchiveException } from '../domain/archive.js'
import { memberNames } from '../domain/archive-names.js'
import { asFailure, Failure } from '../domain/errors.js'
import type { TarMember } from '../seal/tar.js'
import type { Piece, Store, StoredObject } from '../store/port.js'

export interface ListedFile extends StoredObject {
  /** What it is called inside the archive. */
  name: string
}

const PIECE_BYTES = 4 * 1024 * 1024
/** Beginnings fetched ahead: most files are no longer, and a store's answer takes its time. */
const AHEAD = 4
/** A file that changes while it is read is read anew so often. */
const TRIES = 3

/** Every file below the tenant's folders, in the order of the listing. `top` ends in `/`. */
export async function listFiles(
  store: Store,
  top: string,
  folders: readonly string[],
  signal: AbortSignal,
): Promise<ListedFile[]> {
  const found: StoredObject[] = []
  for (const folder of folders) {
    for await (const object of store.list(`${top}${folder}/`, { signal })) found.push(object)
  }
  const pathOf = (key: string): string => key.slice(top.length)
  const names = memberNames(found.map(({ key, bytes }) => ({ path: pathOf(key), bytes })))
  return found.map(object => ({ ...object, name: names.get(pathOf(object.key)) ?? '' }))
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
  files: readonly ListedFile[],
  options: { signal: AbortSignal; onException(exception: ArchiveException): void },
): AsyncGenerator<FileMember> {
  const { signal, onException } = options
  const begin = (file: ListedFile): Promise<Piece | null> => {
    const piece = firstPiece(store, file, signal)
    // One that fails ahead of its turn is told when its turn comes.
    piece.catch(() => {})
    return piece
  }
  const ahead: Promise<Piece | null>[] = files.slice(0, AHEAD).map(begin)
  for (const [at, file] of files.entries()) {
    const first = await (ahead.shift() as Promise<Piece | null>)
    const later = files[at + AHEAD]
    if (later) ahead.push(begin(later))
    yield* membersOf(store, file, first, { signal, onException })
  }
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
  const say = (what: ArchiveException['what'], detail: string) => onException({ key, what, detail })
  let first = begun
  for (let attempt = 1; ; attempt++) {
    if (!first) break
    // Its name is a folder's now, and any other might be some file's.
    if (name.endsWith('/') && first.totalBytes > 0)
      return say('missing', 'it was an empty folder when it was listed')
    const member = memberOf(store, file, first, signal)
    yield member
    if (member.sound()) {
      if (attempt > 1)
        say('changed', `it changed while it was read; its last member, the ${attempt}., is whole`)
      else if (isOther(file, first))
        say('changed', `listed with ${file.bytes} bytes, read with ${first.totalBytes}`)
      return
    }
    if (attempt === TRIES) break
    first = await firstPiece(store, file, signal)
  }
  const torn = first !== null || begun !== null
  // Whoever unpacks all of it must not find a file with a wrong end.
  if (torn) yield { name, bytes: 0, modifiedAt, body: [], sound: () => false }
  say('missing', first ? 'it changed each time it was read' : 'it was deleted after it was listed')
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
