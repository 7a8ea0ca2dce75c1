// Reads the index beside an archive, item by item: of an archive of a million files it is some 200 MB, and none of it is held.
import {
  type ArchiveEntry,
  type ArchiveException,
  type ArchiveHead,
  archiveEntrySchema,
  archiveHeadSchema,
  exceptionSchema,
  INDEX_LISTS,
  parseArchiveDocument,
} from '../domain/archive.js'
import type { ArchiveName } from '../domain/archive-name.js'
import { asFailure, Failure } from '../domain/errors.js'
import type { SubjectId } from '../domain/subject.js'
import { openStream } from '../seal/age-decrypt.js'
import { type JsonItem, jsonItems } from '../seal/json-items.js'
import { archiveIndexKey } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { storedParts } from './archive-write.js'

export interface ArchivePlace {
  store: Store
  identities: readonly string[]
  subject: SubjectId
  name: ArchiveName
  signal: AbortSignal
}

/** What a reader of the index is given, in the order in which it is written. */
export type IndexItem =
  | { list: 'frames.stored'; item: number }
  | { list: 'entries'; item: ArchiveEntry }
  | { list: 'exceptions'; item: ArchiveException }

const ENTERED: ReadonlySet<string> = new Set(['frames', ...INDEX_LISTS])
/** Most of what is asked of an index stands at its beginning; the items of one stretch are read in one go, some ten ms. */
const STRETCH = { first: 64 * 1024, most: 512 * 1024 }

/** Null when the archive has none. @throws Failure key-wrong, object-corrupt, format-unknown */
export async function readIndexHead(place: ArchivePlace): Promise<ArchiveHead | null> {
  const where = archiveIndexKey(place.subject, place.name)
  const facts: Record<string, unknown> = {}
  const frames: Record<string, unknown> = {}
  try {
    for await (const { path, text } of rawItems(place)) {
      if (isList(path)) break
      const value = parsedItem(text, `the index ${where}`)
      if (path.startsWith('frames.')) frames[path.slice('frames.'.length)] = value
      else facts[path] = value
    }
  } catch (thrown) {
    const failure = asFailure(thrown)
    if (failure.code === 'object-missing') return null
    throw failure
  }
  return parseArchiveDocument({ ...facts, frames }, archiveHeadSchema, `the index ${where}`)
}

/** Its lists, item by item. @throws Failure key-wrong, object-corrupt, object-missing */
export async function* readIndexItems(place: ArchivePlace): AsyncGenerator<IndexItem> {
  const where = archiveIndexKey(place.subject, place.name)
  const what = `the index ${where}`
  for await (const { path, text } of rawItems(place)) {
    if (!isList(path)) continue
    const value = parsedItem(text, what)
    if (path === 'entries') yield { list: path, item: parseArchiveDocument(value, archiveEntrySchema, what) }
    else if (path === 'exceptions')
      yield { list: path, item: parseArchiveDocument(value, exceptionSchema, what) }
    else if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0)
      yield { list: path, item: value }
    else throw new Failure('object-corrupt', `${what} has a frame of ${text} bytes`)
  }
}

const isList = (path: string): path is (typeof INDEX_LISTS)[number] =>
  (INDEX_LISTS as readonly string[]).includes(path)

/** One item that jsonItems cut out. @throws Failure object-corrupt, naming `what` it was cut out of. */
export function parsedItem(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Failure('object-corrupt', `${what} is no JSON`, { cause })
  }
}

async function* rawItems({
  store,
  identities,
  subject,
  name,
  signal,
}: ArchivePlace): AsyncGenerator<JsonItem> {
  const where = archiveIndexKey(subject, name)
  try {
    const plain = openStream(storedParts(store, where, signal, STRETCH), identities)
    for await (const item of jsonItems(plain, ENTERED)) yield item
  } catch (thrown) {
    throw explained(asFailure(thrown), where)
  }
}

/** Archives may be sealed for a key of their own, which is not on this machine. */
export function explained(failure: Failure, where: string): Failure {
  if (failure.code !== 'key-wrong') return failure
  return new Failure('key-wrong', `no identity at hand opens ${where}`, {
    cause: failure,
    hint: 'add --identity and the file of the archive key, or of the recovery key',
  })
}
