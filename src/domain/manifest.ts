// The manifest: what one backup is, down to each table. Its being in the store is what makes a backup exist.
// docs/format.md describes every field; a change that an older reader would misread raises FORMAT.
import { z } from 'zod'
import { Failure } from './errors.js'
import type { BackupId, ChunkId } from './ids.js'
import type { SubjectId } from './subject.js'

/** 2 since the stream has no SHA-256 of its own; both are read. */
export const FORMAT = 2

/** No configuration cuts larger ones: what is opened without knowing its length is opened up to here. */
export const LARGEST_CHUNK_BYTES = 16 * 1024 ** 2

export const BACKUP_KINDS = ['scheduled', 'manual', 'before-restore', 'before-migration'] as const
export type BackupKind = (typeof BACKUP_KINDS)[number]

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`))
const count = z.int().nonnegative()
const iso = z.iso.datetime()

const chunk = z.strictObject({
  id: hex(64).transform(id => id as ChunkId),
  /** Length of the piece of the stream, and of the object as stored, in bytes. */
  bytes: count,
  storedBytes: count,
})

const table = z.strictObject({
  schema: z.string(),
  name: z.string(),
  rows: count,
  /** Bytes of COPY text, row terminators included, `\.` line excluded. */
  bytes: count,
  /** Order-independent: each row's MurmurHash3 x64 128, both 64-bit halves summed modulo 2^64. */
  digest: hex(32),
  /** SHA-256 of the COPY text in the order it was dumped. */
  sha256: hex(64),
  /** Where the table's data block starts in the stream. */
  offset: count,
})

const largeObjects = z.strictObject({ count, bytes: count, sha256: hex(64) })

const sequence = z.strictObject({
  schema: z.string(),
  name: z.string(),
  value: z.string(),
  called: z.boolean(),
})

const entry = z.strictObject({
  type: z.string(),
  schema: z.string(),
  name: z.string(),
  owner: z.string(),
  /** SHA-256 of the entry's definition, its COPY statement, tablespace and access method. */
  sha256: hex(64),
})

export const databasePropertiesSchema = z.strictObject({
  name: z.string(),
  owner: z.string(),
  encoding: z.string(),
  localeProvider: z.enum(['libc', 'icu', 'builtin']),
  collate: z.string(),
  ctype: z.string(),
  locale: z.string().nullable(),
  icuRules: z.string().nullable(),
  tablespace: z.string(),
  connectionLimit: z.int(),
  acl: z.array(z.string()).nullable(),
  comment: z.string().nullable(),
  /** `name=value` as in pg_db_role_setting; role null means every role. */
  settings: z.array(z.strictObject({ role: z.string().nullable(), setting: z.string() })),
})
export type DatabaseProperties = z.infer<typeof databasePropertiesSchema>

const dump = z.strictObject({
  server: z.strictObject({ version: z.string(), versionNum: z.int(), lsn: z.string().nullable() }),
  client: z.strictObject({ version: z.string() }),
  database: databasePropertiesSchema,
  extensions: z.array(z.strictObject({ name: z.string(), version: z.string(), schema: z.string() })),
  /** Roles that the dump names as owners or in grants: they must exist before a restore. */
  roles: z.array(z.string()),
  tables: z.array(table),
  largeObjects,
  sequences: z.array(sequence),
  entries: z.array(entry),
})

export const manifestSchema = z.strictObject({
  format: z.literal([1, FORMAT]),
  tool: z.string(),
  backup: hex(12).transform(id => id as BackupId),
  subject: z.string().transform(id => id as SubjectId),
  kind: z.enum(BACKUP_KINDS),
  label: z.string().nullable(),
  /** The instant the data is of (the exported snapshot's), then those of the run. */
  instant: iso,
  startedAt: iso,
  finishedAt: iso,
  stream: z.strictObject({
    /** `pg_dump`: PostgreSQL's custom archive format. `sql`: pg_dumpall's globals script. */
    type: z.enum(['pg_dump', 'sql']),
    bytes: count,
    /** Only in format 1. Nobody reads it: each chunk is compared with its id. */
    sha256: hex(64).optional(),
    /** The first bytes of the stream, which no chunk holds: they carry the dump's time and would make the first chunk new every night. */
    head: z.base64(),
  }),
  cutter: z.strictObject({
    algorithm: z.literal('gear1'),
    minBytes: count,
    averageBytes: count,
    maxBytes: count,
  }),
  chunks: z.array(chunk),
  /** Null for platform/globals. */
  dump: dump.nullable(),
  stored: z.strictObject({
    /** Bytes of the stream in chunks that were not in the store before, the same as stored, and bytes in chunks that were. */
    newBytes: count,
    newStoredBytes: count,
    reusedBytes: count,
    newChunks: count,
    reusedChunks: count,
  }),
  durations: z.record(z.string(), z.number().nonnegative()),
})

export type Manifest = z.infer<typeof manifestSchema>
export type ManifestChunk = z.infer<typeof chunk>
export type DumpFacts = z.infer<typeof dump>
export type TableFacts = z.infer<typeof table>
export type TocEntryFacts = z.infer<typeof entry>
export type SequenceFacts = z.infer<typeof sequence>
export type LargeObjectFacts = z.infer<typeof largeObjects>

/**
 * A manifest from its JSON text.
 * @throws Failure format-unknown for a newer format, manifest-invalid for anything that does not parse or add up.
 */
export function parseManifest(text: string): Manifest {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new Failure('manifest-invalid', 'a manifest is not JSON', { cause })
  }
  const format = (json as { format?: unknown } | null)?.format
  if (typeof format === 'number' && format > FORMAT) {
    throw new Failure('format-unknown', `a manifest has format ${format}, this program knows ${FORMAT}`)
  }
  const parsed = manifestSchema.safeParse(json)
  if (!parsed.success) {
    throw new Failure(
      'manifest-invalid',
      `a manifest does not have the right shape: ${z.prettifyError(parsed.error)}`,
    )
  }
  const head = Buffer.from(parsed.data.stream.head, 'base64').length
  const total = parsed.data.chunks.reduce((sum, one) => sum + one.bytes, head)
  if (total !== parsed.data.stream.bytes) {
    throw new Failure(
      'manifest-invalid',
      `a manifest's pieces add up to ${total} bytes, its stream has ${parsed.data.stream.bytes}`,
    )
  }
  return parsed.data
}
