// Archives for a person: a line each, and what is in one.
import type { ArchiveIndex } from '../domain/archive.js'
import { shellWord } from '../domain/shell-word.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import type { ArchiveTold } from '../jobs/errands-store.js'
import type { StoredArchive } from '../jobs/list-archives.js'
import { oneLine } from './cells.js'
import { bytesText, counted, instantText } from './output.js'
import { table } from './table.js'

export function archiveLine(index: ArchiveTold): string {
  const { subject, name, instant, archive, files, exceptions } = index
  const lines = [
    `${subjectName(subject as SubjectId)} ${name}: database as of ${instantText(instant)}, ${counted(files, 'file')}, ${bytesText(archive.bytes)} stored and read back`,
    ...exceptionLines(exceptions),
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

/** Every member; an archive without an index can still be read whole. */
export function indexText(stored: StoredArchive, index: ArchiveIndex | null): string {
  const name = subjectName(stored.subject)
  if (!index) {
    return `${name} ${stored.name} has no index; type \`gmah-backup archive verify ${shellWord(name)} ${stored.name}\``
  }
  const rows = index.entries.map(one => [bytesText(one.bytes), one.sha256.slice(0, 12), one.name])
  return [
    archiveLine({ ...index, exceptions: [], files: index.entries.length }),
    `backup ${index.backup}, made ${instantText(index.createdAt)} by ${index.tool}`,
    ...exceptionLines(index.exceptions),
    '',
    table(['size', 'sha256', 'file'], rows, { right: ['size'] }),
  ].join('\n')
}

function exceptionLines(exceptions: ArchiveIndex['exceptions']): string[] {
  const word = { missing: 'NOT ARCHIVED', changed: 'changed' }
  return exceptions.map(one => `  ${word[one.what]}: ${oneLine(one.key)}: ${one.detail}`)
}
