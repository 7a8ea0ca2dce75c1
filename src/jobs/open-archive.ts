// Finds the archive an operator means and opens its index; without an index the archive itself still opens, more slowly.
import {
  type ArchiveEntry,
  type ArchiveIndex,
  type ArchiveManifest,
  archiveManifestSchema,
  MANIFEST_NAME,
  parseArchiveDocument,
  parseArchiveName,
} from '../domain/archive.js'
import { Failure } from '../domain/errors.js'
import { shellWord } from '../domain/shell-word.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import { listArchives, type StoredArchive } from '../repository/archive-list.js'
import { type ArchivePlace, readEntry, readIndex, scanArchive } from '../repository/archive-read.js'
import { archiveKey } from '../store/keys.js'
import type { Parts } from './parts.js'

export interface OpenArchive {
  stored: StoredArchive
  place: ArchivePlace
  /** Null: the archive has none. */
  index: ArchiveIndex | null
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
  const stored = choose(await listArchives(store, subject, { signal }), wanted, subject)
  if (stored.bytes === null) {
    throw new Failure(
      'object-missing',
      `the archive ${archiveKey(subject, stored.name)} is gone, only its index is there`,
    )
  }
  const place = { store, identities: keyring.identities, subject, name: stored.name, signal }
  return { stored, place, index: await readIndex(place) }
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

/** One member's content, verified at its end where the index is there. @throws Failure member-unknown when there is none of that name. */
export async function* readMember(archive: OpenArchive, name: string): AsyncGenerator<Uint8Array> {
  const { place, index } = archive
  if (index) {
    yield* readEntry(place, index, entryNamed(index, name))
    return
  }
  for await (const member of scanArchive(place)) {
    if (member.name !== name) continue
    yield* member.content
    return
  }
  throw unknown(name, place)
}

export function entryNamed(index: ArchiveIndex, name: string): ArchiveEntry {
  const entry = index.entries.find(one => one.name === name)
  if (entry) return entry
  const said = index.exceptions.find(one => one.key.endsWith(`/${name}`))
  throw unknown(name, index, said && `when the archive was made: ${said.detail}`)
}

function unknown(member: string, archive: { subject: string; name: string }, cause?: string): Failure {
  const tenant = shellWord(subjectName(archive.subject as SubjectId))
  return new Failure('member-unknown', `there is no ${JSON.stringify(member)} in the archive`, {
    hint: `type \`gmah-backup archive show ${tenant} ${archive.name}\` to see what is in it`,
    ...(cause ? { cause: new Error(cause) } : {}),
  })
}

/** The manifest inside. */
export async function readArchiveManifest(archive: OpenArchive): Promise<ArchiveManifest> {
  const parts: Uint8Array[] = []
  for await (const part of readMember(archive, MANIFEST_NAME)) parts.push(part)
  const text = Buffer.concat(parts).toString('utf8')
  return parseArchiveDocument(text, archiveManifestSchema, 'manifest.json of the archive')
}
