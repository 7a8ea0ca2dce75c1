// Loads some tables of a backup into an empty database, and fetches little more than the chunks that hold them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../domain/errors.js'
import type { DumpFacts, Manifest } from '../domain/manifest.js'
import { chooseEntries, type TableName } from '../postgres/archive/choose-entries.js'
import type { Entry } from '../postgres/archive/contents.js'
import { type Contents, factsOfEntries, oneBlock, readArchiveContents } from '../postgres/archive/part.js'
import { placedChunks, readRange } from '../repository/read-range.js'
import type { Repository } from '../repository/repository.js'
import type { TenantKey } from '../repository/tenant-keys.js'
import { type LoadOptions, loadStream } from './load.js'

export interface PartOfBackup {
  contents: Contents
  entries: Entry[]
  /** Where the tables' rows lie in the stream, in its order. */
  blocks: { from: number; to: number }[]
  /** What the manifest says, of the part alone: a proof compares this. */
  dump: DumpFacts
}

/** An empty list of large objects, as the reader sums it up. */
const NO_LARGE_OBJECTS = {
  count: 0,
  bytes: 0,
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
}

/** @throws Failure usage when the backup has no such table, naming it. */
export async function partOfBackup(
  repository: Repository,
  key: TenantKey,
  manifest: Manifest,
  dump: DumpFacts,
  asked: readonly TableName[],
  options: { signal: AbortSignal },
): Promise<PartOfBackup> {
  const beforeData = { from: 0, to: endAfter(manifest, dump, 0) }
  const contents = await readArchiveContents(readRange(repository, key, manifest, beforeData, options))
  const missing = asked.filter(one => !contents.entries.some(entry => isTable(entry, one)))
  if (missing.length > 0) {
    const names = missing.map(one => `${one.schema}.${one.name}`).join(', ')
    throw new Failure('usage', `backup ${manifest.backup} has no table ${names}`, {
      hint: `type \`gmah-backup backup show ${manifest.backup}\` to see its tables; --schema says where they are`,
    })
  }
  const entries = chooseEntries(contents.entries, asked)
  const data = new Set(entries.filter(one => one.type === 'TABLE DATA').map(keyOf))
  const tables = dump.tables.filter(one => data.has(keyOf(one)))
  const facts = factsOfEntries(entries)
  const blocks = tables
    .map(({ offset }) => ({ from: offset, to: endAfter(manifest, dump, offset) }))
    .toSorted((a, b) => a.from - b.from)
  return { contents, entries, blocks, dump: { ...dump, ...facts, tables, largeObjects: NO_LARGE_OBJECTS } }
}

/** Where what begins at `offset` has ended for sure: there the next table's rows begin. */
const endAfter = ({ stream }: Manifest, { tables }: DumpFacts, offset: number): number =>
  Math.min(stream.bytes, ...tables.map(table => table.offset).filter(one => one > offset))

/** What has to be fetched for a part: the chunks that its table of contents and its rows lie in. Pure. */
export function chunksOfPart(
  manifest: Pick<Manifest, 'stream' | 'chunks'>,
  { contents, blocks }: Pick<PartOfBackup, 'contents' | 'blocks'>,
): { chunks: number; storedBytes: number } {
  const ranges = [{ from: 0, to: contents.end }, ...blocks]
  const needed = new Map(
    placedChunks(manifest)
      .filter(({ at, chunk }) => ranges.some(({ from, to }) => at < to && at + chunk.bytes > from))
      .map(({ chunk }) => [chunk.id, chunk.storedBytes]),
  )
  return { chunks: needed.size, storedBytes: [...needed.values()].reduce((sum, bytes) => sum + bytes, 0) }
}

const isTable = (entry: Entry, { schema, name }: TableName): boolean =>
  /TABLE$/.test(entry.type) && entry.schema === schema && entry.name === name

const keyOf = (one: TableName): string => JSON.stringify([one.schema, one.name])

/**
 * Resolves when pg_restore has committed the part.
 * @param folder for the list of entries, which pg_restore wants as a file; gone in the end.
 * @throws Failure as loadBackup's; each chunk is checked by its id.
 */
export async function loadTables(
  repository: Repository,
  key: TenantKey,
  manifest: Manifest,
  { contents, entries, blocks }: PartOfBackup,
  options: LoadOptions & { folder: string },
): Promise<void> {
  const { signal, onBytes } = options
  const reading = { signal, ...(onBytes ? { onBytes } : {}) }
  const range = (from: number, to: number) => readRange(repository, key, manifest, { from, to }, reading)
  async function* stream(): AsyncGenerator<Uint8Array> {
    yield* range(0, contents.end)
    for (const { from, to } of blocks) yield* oneBlock(range(from, to))
  }
  const folder = await mkdtemp(join(options.folder, 'restore-list-'))
  try {
    const listFile = join(folder, 'entries')
    await writeFile(listFile, entries.map(entry => `${entry.id};\n`).join(''), { mode: 0o600 })
    await loadStream(stream(), { ...options, listFile })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
