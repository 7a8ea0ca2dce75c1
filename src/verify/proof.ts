// The proof of a restore: the restored database is dumped again through the same reader and compared with the manifest.
import type { DumpConfig, PostgresConfig } from '../domain/configuration.js'
import { Failure } from '../domain/errors.js'
import type { DumpFacts, SequenceFacts, TableFacts, TocEntryFacts } from '../domain/manifest.js'
import type { ArchiveFacts } from '../postgres/archive/reader.js'
import { openSnapshot } from '../postgres/snapshot.js'
import { majorOf } from '../postgres/tools.js'
import { compareDatabases } from './compare-database.js'
import { observeDump } from './observe-dump.js'

export interface Difference {
  what: 'table' | 'sequence' | 'large objects' | 'schema' | 'database'
  name: string
  backup: string
  restored: string
}

export interface Proof {
  tables: number
  rows: number
  bytes: number
  /** Tables whose rows are equal but came back in another physical order. */
  reordered: number
  /** False when the servers' majors differ: the definitions are then spelled differently by right, and are not compared. */
  schemaCompared: boolean
  differences: Difference[]
  /** Extensions that came back in another version: a dump names none, so the target's own default is taken. */
  notes: string[]
}

/**
 * Compares a restored database with the facts of its backup, table by table. Reads only.
 * @throws Failure when the database cannot be dumped; differences are in the result.
 */
export async function prove(
  target: PostgresConfig,
  database: string,
  backup: DumpFacts,
  options: { politeness: DumpConfig; signal: AbortSignal; onBytes?(bytes: number): void },
): Promise<Proof> {
  const { signal, politeness, onBytes } = options
  const snapshot = await openSnapshot(target, database, { signal })
  try {
    const { snapshotId, server } = snapshot
    const facts = await observeDump(target, database, server, {
      snapshotId,
      politeness,
      signal,
      ...(onBytes ? { onBytes } : {}),
    })
    const sameMajor = majorOf(snapshot.server.versionNum) === majorOf(backup.server.versionNum)
    const proof = compareFacts(backup, facts, sameMajor)
    const itself = compareDatabases(backup.database, snapshot.properties, sameMajor)
    return {
      ...proof,
      differences: [...proof.differences, ...itself.map(one => ({ what: 'database' as const, ...one }))],
      notes: extensionNotes(backup.extensions, snapshot.extensions),
    }
  } finally {
    await snapshot.release()
  }
}

/** @throws Failure proof-failed that names the first differences, when there are any. */
export function assertProven(proof: Pick<Proof, 'differences'>, database: string): void {
  if (proof.differences.length === 0) return
  const shown = proof.differences.slice(0, 5).map(differenceText)
  throw new Failure(
    'proof-failed',
    `${database} differs from its backup in ${proof.differences.length} places: ${shown.join('; ')}`,
    {
      facts: { differences: proof.differences.slice(0, 100) },
    },
  )
}

export const differenceText = ({ what, name, backup, restored }: Difference): string =>
  `${what} ${name}: ${backup} in the backup, ${restored} restored`

/** Which extensions are there is a matter of the schema's entries; their versions stand in none. */
function extensionNotes(backup: DumpFacts['extensions'], restored: DumpFacts['extensions']): string[] {
  const now = new Map(restored.map(one => [one.name, one.version]))
  return backup
    .filter(one => now.has(one.name) && now.get(one.name) !== one.version)
    .map(one => `extension ${one.name}: ${one.version} in the backup, ${now.get(one.name)} restored`)
}

/** Pure: what differs between a backup's facts and those of the database restored from it. */
export function compareFacts(
  backup: DumpFacts,
  restored: ArchiveFacts,
  schemaCompared: boolean,
): Omit<Proof, 'notes'> {
  const differences = [
    ...unequal('table', byName(backup.tables, tableText), byName(restored.tables, tableText)),
    ...unequal('sequence', byName(backup.sequences, sequenceText), byName(restored.sequences, sequenceText)),
    ...unequal('large objects', largeObjects(backup), largeObjects(restored)),
    ...(schemaCompared ? unequal('schema', entries(backup.entries), entries(restored.entries)) : []),
  ]
  const there = new Map(restored.tables.map(table => [keyOf(table), table]))
  const isReordered = (table: TableFacts): boolean => {
    const now = there.get(keyOf(table))
    return now !== undefined && tableText(now) === tableText(table) && now.sha256 !== table.sha256
  }
  return {
    tables: backup.tables.length,
    rows: backup.tables.reduce((sum, table) => sum + table.rows, 0),
    bytes: backup.tables.reduce((sum, table) => sum + table.bytes, 0),
    reordered: backup.tables.filter(isReordered).length,
    schemaCompared,
    differences,
  }
}

interface Named {
  schema: string
  name: string
}

const nameOf = (one: Named): string => `${one.schema}.${one.name}`
/** A dot may stand in a name: two tables must never be taken for one. */
const keyOf = (one: Named): string => JSON.stringify([one.schema, one.name])
const tableText = (table: TableFacts): string =>
  `${table.rows} rows, ${table.bytes} bytes, digest ${table.digest}`
const sequenceText = (one: SequenceFacts): string => `${one.value}${one.called ? '' : ' (not called)'}`

/** What is compared under one key: what to call it, and the text that must be equal. */
type Comparable = Map<string, { name: string; text: string }>

function byName<T extends Named>(list: readonly T[], text: (one: T) => string): Comparable {
  return new Map(list.map(one => [keyOf(one), { name: nameOf(one), text: text(one) }]))
}

function largeObjects({ largeObjects: all }: Pick<DumpFacts, 'largeObjects'>): Comparable {
  const text = `${all.count} of ${all.bytes} bytes, sha256 ${all.sha256}`
  return new Map([['all', { name: 'all', text }]])
}

/** Several entries may share type, schema and name (grants, say): their definitions are compared together. */
function entries(list: readonly TocEntryFacts[]): Comparable {
  const groups = new Map<string, { name: string; texts: string[] }>()
  for (const one of list) {
    const key = `${one.type} ${keyOf(one)}`
    const group = groups.get(key) ?? { name: `${one.type} ${nameOf(one)}`, texts: [] }
    group.texts.push(`${one.sha256.slice(0, 16)} owned by ${one.owner || 'nobody'}`)
    groups.set(key, group)
  }
  return new Map([...groups].map(([key, { name, texts }]) => [key, { name, text: texts.sort().join(', ') }]))
}

function unequal(what: Difference['what'], backup: Comparable, restored: Comparable): Difference[] {
  const keys = new Set([...backup.keys(), ...restored.keys()])
  return [...keys]
    .map(key => ({
      what,
      name: (backup.get(key) ?? restored.get(key))?.name ?? key,
      backup: backup.get(key)?.text ?? 'nothing',
      restored: restored.get(key)?.text ?? 'nothing',
    }))
    .filter(one => one.backup !== one.restored)
}
