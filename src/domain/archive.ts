// A monthly archive: what its index beside it, and the manifest inside it, say. docs/format.md describes every field.
// The archive is readable without either; the index is what makes it known as whole, and single files cheap to fetch.
import { z } from 'zod'
import { Failure } from './errors.js'
import { manifestSchema } from './manifest.js'

export const ARCHIVE_FORMAT = 1

/** Names of the archive's own members; the application's files are in their folders. */
export const README_NAME = 'README.txt'
export const MANIFEST_NAME = 'manifest.json'
export const GLOBALS_NAME = 'globals.sql'
export const DUMP_NAME = 'database.dump'
export const EXCEPTIONS_NAME = 'exceptions.json'
export const SUMS_NAME = 'SHA256SUMS'

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`))
const count = z.int().nonnegative()
const at = z.iso.datetime()

/** What kept a file of the application from being in the archive as it was listed. */
export const exceptionSchema = z.strictObject({
  key: z.string(),
  /** `changed`: another content than was listed, whole. `missing`: not in the archive. */
  what: z.enum(['changed', 'missing']),
  detail: z.string(),
})
export type ArchiveException = z.infer<typeof exceptionSchema>

export const archiveEntrySchema = z.strictObject({
  name: z.string(),
  /** Where its content starts in the tar stream, and how long it is. */
  offset: count,
  bytes: count,
  sha256: hex(64),
})
export type ArchiveEntry = z.infer<typeof archiveEntrySchema>

/** What an index says of the archive as a whole; before its long lists. */
export const archiveHeadSchema = z.strictObject({
  format: z.literal(ARCHIVE_FORMAT),
  tool: z.string(),
  subject: z.string(),
  name: z.string(),
  createdAt: at,
  /** The backup inside, and the instant that its data is of. */
  backup: hex(12),
  instant: at,
  /** The whole object. */
  archive: z.strictObject({ bytes: count, sha256: hex(64) }),
  /** Where age's pieces of 64 KiB start in the object: behind header and nonce. */
  payloadAt: count,
  tarBytes: count,
  /** The tar stream in zstd frames: so many bytes of it in each but the last. */
  frames: z.strictObject({ bytes: count.positive() }),
})
export type ArchiveHead = z.infer<typeof archiveHeadSchema>

/** Its lists, in their order: the stored length of each frame, the members, what could not be had. */
export const INDEX_LISTS = ['frames.stored', 'entries', 'exceptions'] as const

export const archiveManifestSchema = z.strictObject({
  format: z.literal(ARCHIVE_FORMAT),
  tool: z.string(),
  subject: z.string(),
  name: z.string(),
  createdAt: at,
  recipients: z.array(z.string()),
  /** The manifest of the backup that database.dump is. */
  backup: manifestSchema,
  /** The backup of the roles that globals.sql was taken from; null where there was none. */
  globals: z.strictObject({ backup: hex(12), instant: at }).nullable(),
  files: z.strictObject({ folders: z.array(z.string()), count, bytes: count }),
})
/** Without the other names: there may be one for each file, and they are read and written one by one. */
export type ArchiveManifest = z.infer<typeof archiveManifestSchema>

/** The manifest's last field: files whose key no file system can hold, or which would lead out of the folder. */
export const OTHER_NAMES_FIELD = 'otherNames'
/** What such a file is called in the archive. */
export interface OtherName {
  name: string
  key: string
}

/** An archive that was made: its head, and in numbers what its lists hold. */
export interface ArchiveMade extends ArchiveHead {
  /** Members, the archive's own included. */
  members: number
  missing: number
  changed: number
  /** The first of what could not be had as it was listed. */
  exceptions: ArchiveException[]
}

/** @throws Failure format-unknown for a newer format, object-corrupt for anything that has not the shape. */
export function parseArchiveDocument<T>(json: unknown, schema: z.ZodType<T>, what: string): T {
  const format = (json as { format?: unknown } | null)?.format
  if (typeof format === 'number' && format > ARCHIVE_FORMAT) {
    throw new Failure('format-unknown', `${what} has format ${format}, this program knows ${ARCHIVE_FORMAT}`)
  }
  const { success, data, error: cause } = schema.safeParse(json)
  if (success) return data
  throw new Failure('object-corrupt', `${what} is not what it should be`, { cause })
}
