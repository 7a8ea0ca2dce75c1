// Archives for a person: a line each, and what is in one.
import type { ArchiveException, ArchiveHead, ArchiveMade } from '../domain/archive.js'
import { shellWord } from '../domain/shell-word.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import type { StoredArchive } from '../jobs/list-archives.js'
import type { ArchiveItem } from '../jobs/open-archive.js'
import { oneLine } from './cells.js'
import { bytesText, counted, instantText } from './output.js'
import { table } from './table.js'

export function archiveLine(made: ArchiveMade): string {
  const { subject, name, instant, archive, members, missing, changed, exceptions } = made
  const more = missing + changed - exceptions.length
  const lines = [
    `${subjectName(subject as SubjectId)} ${name}: database as of ${instantText(instant)}, ${counted(members, 'file')}, ${bytesText(archive.bytes)} stored and read back`,
    ...exceptions.map(exceptionLine),
    ...(more > 0 ? [`  and ${more} more: \`archive show\` has all of them`] : []),
  ]
  return lines.join('\n')
}

export function archivesText(archives: readonly StoredArchive[]): string {
  if (archives.length === 0) return 'no archives yet; type `gmah-backup archive create TENANT`'
  const rows = archives.map(({ subject, name, bytes, storedAt, indexed }) => [
    subjectName(subject),
    name,
    instantText(storedAt.toISOString()),
    bytes === null ? '' : bytesText(bytes),
    stateText(bytes, indexed),
  ])
  return table(['tenant', 'archive', 'stored', 'size', ''], rows, { right: ['size'] })
}

function stateText(bytes: number | null, indexed: boolean): string {
  if (bytes === null) return 'THE ARCHIVE IS GONE, only its index is there'
  return indexed ? '' : 'no index: nobody read it back; `archive verify` does'
}

/** An archive without an index can still be read whole. */
export function unindexedText(stored: StoredArchive): string {
  const name = subjectName(stored.subject)
  return `${name} ${stored.name} has no index; type \`gmah-backup archive verify ${shellWord(name)} ${stored.name}\``
}

/** Every member, and in the end what could not be had: a line each, as they come. */
export async function* contentsLines(
  head: ArchiveHead,
  items: AsyncIterable<ArchiveItem>,
): AsyncGenerator<string> {
  const { subject, name, instant, archive, backup, createdAt, tool } = head
  const tenant = subjectName(subject as SubjectId)
  yield `${tenant} ${name}: database as of ${instantText(instant)}, ${bytesText(archive.bytes)} stored and read back`
  yield `backup ${backup}, made ${instantText(createdAt)} by ${tool}`
  yield ''
  yield memberLine('size', 'sha256', 'file')
  let files = 0
  let others = 0
  for await (const { list, item } of items) {
    if (list === 'entries') {
      files += 1
      yield memberLine(bytesText(item.bytes), item.sha256.slice(0, 12), oneLine(item.name))
    } else {
      if (others++ === 0) yield ''
      yield exceptionLine(item)
    }
  }
  yield ''
  yield others === 0 ? counted(files, 'file') : `${counted(files, 'file')}; ${others} not as listed`
}

/** The longest size is `999 MB`, or `9.99 MB`. */
const memberLine = (size: string, sha256: string, name: string): string =>
  `${size.padStart(7)}  ${sha256.padEnd(12)}  ${name}`

/** The same as one JSON document. */
export async function* contentsJson(
  { frames: _, ...facts }: ArchiveHead,
  items: AsyncIterable<ArchiveItem>,
): AsyncGenerator<string> {
  yield `${JSON.stringify({ ...facts, indexed: true }).slice(0, -1)},`
  yield '"entries": ['
  let [list, between] = ['entries', '']
  for await (const one of items) {
    if (one.list !== list) {
      yield '], "exceptions": ['
      list = one.list
      between = ''
    }
    yield between + JSON.stringify(one.item)
    between = ','
  }
  yield list === 'entries' ? '], "exceptions": []}' : ']}'
}

const EXCEPTION_WORDS = { missing: 'NOT ARCHIVED', changed: 'changed' }

const exceptionLine = ({ what, key, detail }: ArchiveException): string =>
  `  ${EXCEPTION_WORDS[what]}: ${oneLine(key)}: ${detail}`
