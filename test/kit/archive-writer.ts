// Writes PostgreSQL custom-format archives byte by byte, sound or deliberately broken.
// Independent of the reader: it knows the format from pg_backup_archiver.c and pg_backup_custom.c only.

export interface WrittenEntry {
  type: string
  name: string
  schema?: string | null
  owner?: string | null
  definition?: string | null
  copy?: string | null
  tablespace?: string | null
  accessMethod?: string | null
  relkind?: string
  dependencies?: number[]
  /** The block's chunks for a table; [oid, chunks] of each object for BLOBS. Absent: the entry has no data. */
  rows?: Uint8Array[]
  objects?: [oid: number, chunks: Uint8Array[]][]
}

export interface WrittenArchive {
  minor: 14 | 15 | 16
  entries: WrittenEntry[]
  database?: string
  compression?: number
  /** Write the blocks' offsets into the table of contents, as pg_dump does into a file. */
  seekable?: boolean
}

export function int(value: number): Buffer {
  const bytes = Buffer.alloc(5)
  bytes[0] = value < 0 ? 1 : 0
  bytes.writeUInt32LE(Math.abs(value), 1)
  return bytes
}

export function text(value: string | null | undefined): Buffer {
  if (value === null || value === undefined) return int(-1)
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([int(bytes.length), bytes])
}

export const chunk = (bytes: Uint8Array): Buffer => Buffer.concat([int(bytes.length), bytes])

/** A table's chunks with what pg_dump adds behind the rows. */
export const copied = (chunks: Uint8Array[]): Uint8Array[] => [...chunks, Buffer.from('\\.\n\n\n')]

export function writeHeader(archive: WrittenArchive): Buffer {
  const compression = archive.compression ?? 0
  return Buffer.concat([
    Buffer.from('PGDMP'),
    Buffer.from([1, archive.minor, 0, 4, 8, 1]),
    archive.minor >= 15 ? Buffer.from([compression]) : int(compression),
    ...[59, 30, 2, 23, 10, 126, 0].map(int),
    text(archive.database ?? 'tenant'),
    text('15.20'),
    text('17.6'),
  ])
}

function writeEntry(entry: WrittenEntry, id: number, minor: number, offset: number | null): Buffer {
  const hasData = entry.rows !== undefined || entry.objects !== undefined
  const tail = Buffer.alloc(9)
  tail[0] = hasData ? (offset === null ? 1 : 2) : 3
  tail.writeBigUInt64LE(BigInt(offset ?? 0), 1)
  return Buffer.concat([
    int(id),
    int(hasData ? 1 : 0),
    text('1259'),
    text(String(16384 + id)),
    text(entry.name),
    text(entry.type),
    int(3),
    text(entry.definition),
    text(`DROP ${entry.name};`),
    text(entry.copy),
    text(entry.schema),
    text(entry.tablespace),
    text(entry.accessMethod),
    minor >= 16 ? int(entry.relkind?.charCodeAt(0) ?? 0) : Buffer.alloc(0),
    text(entry.owner),
    text('false'),
    ...(entry.dependencies ?? []).map(dependency => text(String(dependency))),
    int(-1),
    tail,
  ])
}

function writeBlock(entry: WrittenEntry, id: number): Buffer {
  const parts: Buffer[] = []
  if (entry.rows) parts.push(Buffer.from([1]), int(id), Buffer.concat(entry.rows.map(chunk)), int(0))
  if (entry.objects) {
    parts.push(Buffer.from([3]), int(id))
    for (const [oid, chunks] of entry.objects) parts.push(int(oid | 0), ...chunks.map(chunk), int(0))
    parts.push(int(0))
  }
  return Buffer.concat(parts)
}

export interface Written {
  bytes: Buffer
  /** Where each block starts, in stream order, and where the last one ends. */
  blocks: number[]
}

/** The archive's bytes; entry n has the dump id n + 1, and blocks follow in the entries' order. */
export function writeArchive(archive: WrittenArchive): Written {
  const header = writeHeader(archive)
  const contents = (offsets: (number | null)[]) =>
    Buffer.concat([
      int(archive.entries.length),
      ...archive.entries.map((entry, n) => writeEntry(entry, n + 1, archive.minor, offsets[n] ?? null)),
    ])
  const blocks = archive.entries.map((entry, n) => writeBlock(entry, n + 1))
  let at = header.length + contents([]).length
  const starts = blocks.map(block => {
    at += block.length
    return at - block.length
  })
  const toc = contents(archive.seekable ? starts : [])
  return {
    bytes: Buffer.concat([header, toc, ...blocks]),
    blocks: [...starts.filter((_, n) => (blocks[n]?.length ?? 0) > 0), at],
  }
}

/** What every archive of pg_dump begins with. */
export const SETTINGS: WrittenEntry[] = [
  { type: 'ENCODING', name: 'ENCODING', definition: "SET client_encoding = 'UTF8';\n" },
  { type: 'STDSTRINGS', name: 'STDSTRINGS', definition: "SET standard_conforming_strings = 'on';\n" },
]

/** A TABLE DATA entry with these chunks behind it. */
export const tableData = (name: string, chunks: Uint8Array[], schema = 'public'): WrittenEntry => ({
  type: 'TABLE DATA',
  name,
  schema,
  owner: 'app',
  copy: `COPY ${schema}.${name} (a) FROM stdin;\n`,
  rows: copied(chunks),
})

export const SMALL_TABLE = tableData('t', [Buffer.from('1\n'), Buffer.from('2\n')])

/** The least archive with a block of either kind. */
export const SMALL: WrittenArchive = {
  minor: 15,
  entries: [
    ...SETTINGS,
    SMALL_TABLE,
    {
      type: 'BLOBS',
      name: 'BLOBS',
      objects: [
        [7, [Buffer.from('seven')]],
        [4_294_967_295, []],
      ],
    },
  ],
}
