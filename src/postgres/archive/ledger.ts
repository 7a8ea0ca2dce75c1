// What the table of contents tells, sorted for the manifest: schema entries, sequences, roles, extensions, data to come.
// Guarantees that equal definitions give equal digests, and that an entry with data is either a table's or large objects'.
import { createHash } from 'node:crypto'
import type { SequenceFacts, TocEntryFacts } from '../../domain/manifest.js'
import type { Entry } from './contents.js'
import { rolesNamed } from './roles.js'
import { decodeText, type Source } from './source.js'

/** A data block that must come. */
export interface Expected {
  kind: 'table' | 'large objects'
  schema: string
  name: string
  offset: number | null
}

export interface Ledger {
  entries: TocEntryFacts[]
  sequences: SequenceFacts[]
  roles: Set<string>
  extensions: string[]
  /** By dump id; a block that came is taken out. */
  expected: Map<number, Expected>
}

export const emptyLedger = (): Ledger => ({
  entries: [],
  sequences: [],
  roles: new Set(),
  extensions: [],
  expected: new Map(),
})

/**
 * Not part of the schema that a proof compares: settings of the archive itself (encoding, string syntax, search path),
 * sequences' values (facts of their own), planner statistics (they change by themselves), and the database's own
 * properties, which the manifest holds and which differ where a database was restored under another name.
 */
const LEFT_OUT = new Set([
  'ENCODING',
  'STDSTRINGS',
  'SEARCHPATH',
  'SEQUENCE SET',
  'STATISTICS DATA',
  'DATABASE',
  'DATABASE PROPERTIES',
])
const OF_SOMETHING = new Set(['ACL', 'COMMENT', 'SECURITY LABEL'])

/** @throws Failure dump-invalid */
export function noteEntry(ledger: Ledger, entry: Entry, source: Source): void {
  if (entry.owner !== '') ledger.roles.add(entry.owner)
  for (const role of rolesNamed(entry.type, () => definitionText(entry))) ledger.roles.add(role)
  if (entry.type === 'EXTENSION') ledger.extensions.push(entry.name)
  if (entry.type === 'SEQUENCE SET') ledger.sequences.push(sequenceFacts(entry, source))
  if (entry.hasData) expectData(ledger, entry, source)
  const ofDatabase = OF_SOMETHING.has(entry.type) && entry.name.startsWith('DATABASE ')
  if (!LEFT_OUT.has(entry.type) && !ofDatabase) ledger.entries.push(entryFacts(entry))
}

function expectData(ledger: Ledger, entry: Entry, source: Source): void {
  const { id, schema, name, offset } = entry
  if (ledger.expected.has(id)) throw source.invalid(`two entries with data have the id ${id}`)
  if (entry.type === 'BLOBS') {
    ledger.expected.set(id, { kind: 'large objects', schema, name, offset })
  } else if (entry.type === 'TABLE DATA') {
    if (!entry.copy?.length)
      throw source.invalid(`table ${name} was not dumped by COPY`, 'run pg_dump without --inserts')
    ledger.expected.set(id, { kind: 'table', schema, name, offset })
  } else {
    throw source.invalid(`an entry of type ${entry.type} has data`)
  }
}

/** The statement is `SELECT pg_catalog.setval('name', value, called);`: dumpSequenceData in src/bin/pg_dump/pg_dump.c. */
function sequenceFacts(entry: Entry, source: Source): SequenceFacts {
  const values = /, (-?\d+), (true|false)\);\s*$/.exec(definitionText(entry))
  if (!values?.[1]) throw source.invalid(`sequence ${entry.name} has no readable value`)
  return { schema: entry.schema, name: entry.name, value: values[1], called: values[2] === 'true' }
}

/** Each field behind its length in four bytes, high byte first; a field that is not there has the length 0xffffffff. */
function entryFacts(entry: Entry): TocEntryFacts {
  const hash = createHash('sha256')
  const length = Buffer.alloc(4)
  const relkind = entry.relkind === null ? null : Buffer.from([entry.relkind & 0xff])
  for (const field of [entry.definition, entry.copy, entry.tablespace, entry.accessMethod, relkind]) {
    length.writeUInt32BE(field === null ? 0xffffffff : field.length)
    hash.update(length)
    if (field !== null) hash.update(field)
  }
  const { type, schema, name, owner } = entry
  return { type, schema, name, owner, sha256: hash.digest('hex') }
}

const definitionText = (entry: Entry): string =>
  entry.definition === null ? '' : decodeText(entry.definition)
