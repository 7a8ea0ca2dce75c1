// Finds the archive an operator means and opens its index; without an index the archive itself still opens, more slowly.
import {
  type ArchiveEntry,
  type ArchiveHead,
  type ArchiveManifest,
  archiveManifestSchema,
  MANIFEST_NAME,
  OTHER_NAMES_FIELD,
  parseArchiveDocument,
} from '../domain/archive.js'
import { parseArchiveName } from '../domain/archive-name.js'
import { Failure } from '../domain/errors.js'
import { shellWord } from '../domain/shell-word.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import {
  type ArchivePlace,
  type IndexItem,
  parsedItem,
  readIndexHead,
  readIndexItems,
} from '../repository/archive-index.js'
import { listArchives, type StoredArchive } from '../repository/archive-list.js'
import { readEntry, scanArchive } from '../repository/archive-read.js'
import { jsonItems } from '../seal/json-items.js'
import { archiveKey } from '../store/keys.js'
import type { Parts } from './parts.js'

export interface OpenArchive {
  stored: StoredArchive
  place: ArchivePlace
  /** Of its index; null: the archive has none. */
  head: ArchiveHead | null
}

/**
 * @param wanted `latest` or a name like 2026-12.
 * @throws Failure archive-unknown; key-wrong when no identity at hand opens it; object-missing when only its index is there.
 */
export async function openArchive(
  { repository }: Pick<Parts, 'repository'>,
  subject: SubjectId,
  wanted: string,
  signal: AbortSignal,
): Promise<OpenArchive> {
  const { store, keyring } = repository
  const stored = await findArchive({ repository }, subject, wanted, signal)
  if (stored.bytes === null) {
    throw new Failure(
      'object-missing',
      `the archive ${archiveKey(subject, stored.name)} is gone, only its index is there`,
    )
  }
  const place = { store, identities: keyring.identities, subject, name: stored.name, signal }
  return { stored, place, head: await readIndexHead(place) }
}

/** By the listing alone. @throws Failure archive-unknown */
export async function findArchive(
  { repository: { store } }: Pick<Parts, 'repository'>,
  subject: SubjectId,
  wanted: string,
  signal: AbortSignal,
): Promise<StoredArchive> {
  return choose(await listArchives(store, subject, { signal }), wanted, subject)
}

function choose(archives: StoredArchive[], wanted: string, subject: SubjectId): StoredArchive {
  const found =
    wanted === 'latest'
      ? (archives.find(one => one.indexed) ?? archives[0])
      : archives.find(one => one.name === parseArchiveName(wanted))
  if (found) return found
  const name = subjectName(subject)
  const what = wanted === 'latest' ? 'no archive' : `no archive ${wanted}`
  throw new Failure('archive-unknown', `${name} has ${what} (${archives.length} in the store)`, {
    hint: `type \`gmah-backup archive list ${shellWord(name)}\` to see them`,
  })
}

/** A member, or what could not be had as it was listed. */
export type ArchiveItem = Exclude<IndexItem, { list: 'frames.stored' }>

/** What is in the archive by its index: its members in their order, then the exceptions. @throws Failure object-corrupt */
export async function* archiveItems({ place }: OpenArchive): AsyncGenerator<ArchiveItem> {
  for await (const item of readIndexItems(place)) if (item.list !== 'frames.stored') yield item
}

/** One member's content, verified at its end where the index is there. @throws Failure member-unknown when there is none of that name. */
export async function* readMember(archive: OpenArchive, name: string): AsyncGenerator<Uint8Array> {
  const { place, head } = archive
  if (head) {
    yield* readEntry(place, head, await entryNamed(archive, name))
    return
  }
  for await (const member of scanArchive(place)) {
    if (member.name !== name) continue
    yield* member.content
    return
  }
  throw unknown(name, place)
}

/** Looked for in the index. @throws Failure member-unknown */
export async function entryNamed(archive: OpenArchive, name: string): Promise<ArchiveEntry> {
  let said: string | undefined
  for await (const { list, item } of archiveItems(archive)) {
    if (list === 'entries' && item.name === name) return item
    if (list === 'exceptions' && item.key.endsWith(`/${name}`)) said ??= item.detail
  }
  throw unknown(name, archive.place, said && `when the archive was made: ${said}`)
}

function unknown(member: string, archive: { subject: string; name: string }, cause?: string): Failure {
  const tenant = shellWord(subjectName(archive.subject as SubjectId))
  return new Failure('member-unknown', `there is no ${JSON.stringify(member)} in the archive`, {
    hint: `type \`gmah-backup archive show ${tenant} ${archive.name}\` to see what is in it`,
    ...(cause ? { cause: new Error(cause) } : {}),
  })
}

const ENTERED: ReadonlySet<string> = new Set([OTHER_NAMES_FIELD])

/** The manifest inside, without the other names. */
export async function readArchiveManifest(archive: OpenArchive): Promise<ArchiveManifest> {
  const what = 'manifest.json of the archive'
  const fields: Record<string, unknown> = {}
  for await (const { path, text } of jsonItems(readMember(archive, MANIFEST_NAME), ENTERED)) {
    if (path !== OTHER_NAMES_FIELD) fields[path] = parsedItem(text, what)
  }
  return parseArchiveDocument(fields, archiveManifestSchema, what)
}
