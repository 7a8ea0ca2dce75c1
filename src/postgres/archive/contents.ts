// The archive's table of contents: one entry for each object, definition included.
// Guarantees that every entry was read whole before the first data block is looked at.
// Layout: WriteToc and ReadToc in src/bin/pg_dump/pg_backup_archiver.c, _WriteExtraToc in pg_backup_custom.c.
import { type Layout, RELKIND_MINOR } from './header.js'
import type { Source, Step } from './source.js'

export interface Entry {
  /** The dump id, by which a data block names its entry. */
  id: number
  /** Whether a data block must follow. */
  hasData: boolean
  /** `TABLE`, `TABLE DATA`, `ACL`, … */
  type: string
  schema: string
  name: string
  owner: string
  definition: Buffer | null
  copy: Buffer | null
  tablespace: Buffer | null
  accessMethod: Buffer | null
  /** Dump ids of the entries that it needs. */
  dependencies: number[]
  /** Null before archive version 1.16. */
  relkind: number | null
  /** Where the data block lies, when the archive was written to a file; null when it was not known. */
  offset: number | null
}

/** ReadOffset in pg_backup_archiver.c: a flag, then the offset, low byte first. */
const OFFSET_NOT_SET = 1
const OFFSET_SET = 2
const OFFSET_NO_DATA = 3

/**
 * Hands each entry to `note` as soon as it is whole, in the archive's order.
 * @throws Failure dump-invalid
 */
export function* readContents(source: Source, layout: Layout, note: (entry: Entry) => void): Step<void> {
  source.inside = 'the table of contents'
  const count = yield* source.int()
  // Even an empty database has its encoding here.
  if (count <= 0) throw source.invalid(`a table of contents of ${count} entries`)
  for (let n = 0; n < count; n++) note(yield* readEntry(source, layout))
}

function* readEntry(source: Source, layout: Layout): Step<Entry> {
  const id = yield* source.int()
  if (id <= 0) throw source.invalid(`an entry has the id ${id}`)
  const hadDumper = yield* source.int()
  if (hadDumper !== 0 && hadDumper !== 1) throw source.invalid(`entry ${id} has the data flag ${hadDumper}`)
  yield* source.passBytes() // oid of the catalogue
  yield* source.passBytes() // oid of the object
  const name = (yield* source.text()) ?? ''
  const type = yield* source.text()
  if (!type) throw source.invalid(`entry ${id} has no type`)
  yield* source.int() // section
  const definition = yield* source.bytes()
  yield* source.passBytes() // statement that drops the object
  const copy = yield* source.bytes()
  const schema = (yield* source.text()) ?? ''
  const tablespace = yield* source.bytes()
  const accessMethod = yield* source.bytes()
  const relkind = layout.minor >= RELKIND_MINOR ? yield* source.int() : null
  const owner = (yield* source.text()) ?? ''
  yield* source.passBytes() // WITH OIDS, gone since PostgreSQL 12
  const dependencies: number[] = []
  for (let one = yield* source.text(); one !== null; one = yield* source.text())
    dependencies.push(Number(one))
  const offset = yield* readOffset(source, layout)
  return {
    id,
    hasData: hadDumper === 1,
    type,
    schema,
    name,
    owner,
    definition,
    copy,
    tablespace,
    accessMethod,
    dependencies,
    relkind,
    offset,
  }
}

function* readOffset(source: Source, layout: Layout): Step<number | null> {
  const flag = yield* source.byte()
  const bytes = yield* source.take(layout.offsetBytes)
  if (flag === OFFSET_NOT_SET || flag === OFFSET_NO_DATA) return null
  if (flag !== OFFSET_SET) throw source.invalid(`an entry has the offset flag ${flag}`)
  const offset = layout.offsetBytes === 8 ? Number(bytes.readBigUInt64LE()) : bytes.readUInt32LE()
  if (!Number.isSafeInteger(offset)) throw source.invalid(`an entry has the offset ${offset}`)
  return offset
}
