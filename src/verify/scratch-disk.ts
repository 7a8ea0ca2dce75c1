// Whether a load fits: what it will take, by the manifest's own figures, and what there is.
import { Failure } from '../domain/errors.js'
import type { DumpFacts } from '../domain/manifest.js'
import { freeBytes } from '../sys/disk.js'

/** A tuple's header, its item pointer and padding: 23 + 4 bytes, rounded up (storage/htup_details.h, itemid.h). */
const ROW_BYTES = 32
/** An index entry of a short key with its item pointer. */
const INDEX_ENTRY_BYTES = 24
/** What an empty database and a relation with its index take, whatever is in them: 8 KiB pages. */
const DATABASE_BYTES = 16e6
const RELATION_BYTES = 24 * 1024
/** COPY's text is longer than most stored values and shorter than some (integers, timestamps). */
const TEXT_FACTOR = 1.25
/** Large objects are cut into rows of 2 KiB, each with an index entry. */
const LARGE_OBJECT_FACTOR = 1.2

/** The bytes that a load of this backup is expected to take on the scratch's disk; rather too many than too few. */
export function neededBytes({ tables, largeObjects, entries }: DumpFacts): number {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  const text = tables.reduce((sum, table) => sum + table.bytes, 0)
  const indexes = entries.filter(({ type }) => type === 'INDEX' || type === 'CONSTRAINT').length
  // Which table an index is of stands in no entry: each table has its share of them.
  const indexesATable = tables.length === 0 ? 0 : Math.max(1, indexes / tables.length)
  // An index may hold much of what its table holds (long texts): half a copy of the text for each.
  const indexBytes = indexesATable * (rows * INDEX_ENTRY_BYTES + text / 2)
  return Math.ceil(
    DATABASE_BYTES +
      (tables.length + indexes) * RELATION_BYTES +
      rows * ROW_BYTES +
      text * TEXT_FACTOR +
      indexBytes +
      largeObjects.bytes * LARGE_OBJECT_FACTOR,
  )
}

/** What we leave to everyone else on the disk. */
const RESERVE_BYTES = 512e6

/** Bytes that scratch databases may take below this folder; null when it cannot be asked. */
export async function roomIn(folder: string): Promise<number | null> {
  const free = await freeBytes(folder)
  return free === null ? null : Math.max(0, free - RESERVE_BYTES)
}

/** @throws Failure disk-full with both figures in its facts. */
export function assertFits(needed: number, free: number | null, folder: string): void {
  if (free === null || needed <= free) return
  throw new Failure(
    'disk-full',
    `the scratch needs about ${megabytes(needed)}, and ${folder} has ${megabytes(free)} to give`,
    {
      facts: { neededBytes: needed, freeBytes: free },
      hint: 'free space there, or put drills.scratch_directory on another disk; nothing was loaded',
    },
  )
}

/** The failure of a load that filled the disk: what it took meanwhile is given back by now, and says nothing. */
export function diskRanFull(cause: unknown, needed: number, folder: string): Failure {
  return new Failure(
    'disk-full',
    `${folder} ran full in the middle of a test restore that takes about ${megabytes(needed)}`,
    {
      cause,
      facts: { neededBytes: needed, freeBytes: 0 },
      hint: 'free space there, or put drills.scratch_directory on another disk; this says nothing of the backup',
    },
  )
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`
