// The proof of tables that were put into a schema of a live database: their rows against the backup's, their definitions
// against those of the copy that was proven beside.
import type { DumpConfig, PostgresConfig } from '../domain/configuration.js'
import type { DumpFacts, TocEntryFacts } from '../domain/manifest.js'
import type { ServerVersion } from '../postgres/connection.js'
import { observeDump } from './observe-dump.js'
import { compareFacts, type Proof } from './proof.js'

export interface SchemaCopy {
  /** Both have the tables in `schema`. */
  from: string
  to: string
  schema: string
}

/**
 * Reads only.
 * @param backup the facts of these tables alone, as the backup's manifest has them.
 * @throws Failure when either cannot be dumped; differences are in the result.
 */
export async function proveSchema(
  target: PostgresConfig,
  server: ServerVersion,
  { from, to, schema }: SchemaCopy,
  backup: DumpFacts,
  options: { politeness: DumpConfig; signal: AbortSignal; onBytes?(bytes: number): void },
): Promise<Proof> {
  const { politeness, signal } = options
  const proven = await observeDump(target, from, server, { schema, data: false, politeness, signal })
  const restored = await observeDump(target, to, server, { schema, ...options })
  const moved = <T extends { schema: string }>(list: readonly T[]): T[] =>
    list.map(one => ({ ...one, schema }))
  const expected = {
    ...backup,
    tables: moved(backup.tables),
    sequences: moved(backup.sequences),
    entries: definitions(proven.entries),
  }
  return {
    ...compareFacts(expected, { ...restored, entries: definitions(restored.entries) }, true),
    notes: [],
  }
}

/** Not the rights: the live database's default privileges add to those of whatever is made in it. */
const definitions = (entries: readonly TocEntryFacts[]): TocEntryFacts[] =>
  entries.filter(one => !['ACL', 'DEFAULT ACL', 'TABLE DATA'].includes(one.type))
