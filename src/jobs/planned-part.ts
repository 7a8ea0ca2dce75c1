// Of a restore of some tables: which rows they are, and how little of the backup is fetched for them.
import type { DumpFacts } from '../domain/manifest.js'
import { chunksOfPart, partOfBackup } from '../restore/load-tables.js'
import type { ChosenBackup } from './choose-backup.js'
import type { Parts } from './parts.js'
import type { PlannedPart, PlanRequest } from './restore-plan.js'

/**
 * Reads the backup's table of contents, and nothing else of it.
 * @returns null when all of the backup is asked for.
 * @throws Failure usage when it has no such table.
 */
export async function plannedPart(
  { repository }: Parts,
  { tables: asked }: PlanRequest,
  { key, manifest, dump }: Pick<ChosenBackup, 'key' | 'manifest'> & { dump: DumpFacts },
  signal: AbortSignal,
): Promise<PlannedPart | null> {
  if (asked === undefined) return null
  const part = await partOfBackup(repository, key, manifest, dump, asked, { signal })
  const { tables } = part.dump
  const { chunks, storedBytes } = chunksOfPart(manifest, part)
  return {
    tables: tables.map(({ schema, name, rows }) => ({ schema, name, rows })),
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    bytes: part.contents.end + tables.reduce((sum, table) => sum + table.bytes, 0),
    fetchedChunks: chunks,
    fetchedBytes: storedBytes,
  }
}
