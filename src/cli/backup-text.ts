// One backup, for a person: what it is of, when, how large, and every table in it.
import type { Manifest } from '../domain/manifest.js'
import { shellWord } from '../domain/shell-word.js'
import { subjectName } from '../domain/subject.js'
import { oneLine } from './cells.js'
import { bytesText, counted, countText, instantText } from './output.js'
import { table } from './table.js'

export function manifestText(manifest: Manifest): string {
  const { stream, stored, dump, chunks } = manifest
  const storedBytes = chunks.reduce((sum, chunk) => sum + chunk.storedBytes, 0)
  const head = [
    ['backup', `${manifest.backup} of ${subjectName(manifest.subject)}`],
    ['instant', instantText(manifest.instant)],
    ['kind', manifest.label ? `${manifest.kind}: ${manifest.label}` : manifest.kind],
    [
      'size',
      `${bytesText(stream.bytes)} in ${counted(chunks.length, 'chunk')}, ${bytesText(storedBytes)} stored`,
    ],
    [
      'new',
      `${bytesText(stored.newBytes)}, stored as ${bytesText(stored.newStoredBytes)}; ${bytesText(stored.reusedBytes)} reused`,
    ],
  ]
  if (!dump) {
    const name = shellWord(subjectName(manifest.subject))
    head.push(['content', `a script: \`gmah-backup backup export ${name} --to globals.sql\``])
    return columns(head)
  }
  const rows = dump.tables.reduce((sum, one) => sum + one.rows, 0)
  head.push(
    ['server', `PostgreSQL ${dump.server.version}, pg_dump ${dump.client.version}`],
    [
      'database',
      `${dump.database.name}, owner ${dump.database.owner}, ${dump.database.encoding}, ${dump.database.collate}`,
    ],
    ['extensions', dump.extensions.map(one => `${one.name} ${one.version}`).join(', ') || 'none'],
    ['roles', dump.roles.join(', ') || 'none'],
    [
      'content',
      [
        counted(dump.tables.length, 'table'),
        counted(rows, 'row'),
        counted(dump.sequences.length, 'sequence'),
        counted(dump.largeObjects.count, 'large object'),
      ].join(', '),
    ],
  )
  const tables = [...dump.tables]
    .sort((a, b) => b.bytes - a.bytes)
    .map(one => [
      `${one.schema}.${one.name}`,
      countText(one.rows),
      bytesText(one.bytes),
      one.digest.slice(0, 12),
    ])
  return `${columns(head)}\n\n${table(['table', 'rows', 'size', 'digest'], tables, { right: ['rows', 'size'] })}`
}

const columns = (pairs: readonly string[][]): string =>
  pairs.map(([name = '', value = '']) => `${name.padEnd(11)}${oneLine(value)}`).join('\n')
