// The streaming reader of PostgreSQL's custom archive format (`pg_dump -Fc -Z0`): pieces in, facts out.
// Guarantees constant memory but for the table of contents, and facts only for an archive that is whole.
// Layout: src/bin/pg_dump/pg_backup_custom.c (_StartData, _StartLOs, _readBlockHeader). It has no end marker.
import { Failure } from '../../domain/errors.js'
import type { LargeObjectFacts, SequenceFacts, TableFacts, TocEntryFacts } from '../../domain/manifest.js'
import { readContents } from './contents.js'
import { type HeaderFacts, readHeader } from './header.js'
import { type Expected, emptyLedger, noteEntry } from './ledger.js'
import { createObjectReader } from './objects.js'
import { createRowKernel, readRows } from './rows.js'
import { Source, type Step } from './source.js'

export interface ArchiveFacts {
  header: HeaderFacts
  /** In stream order, one for each TABLE DATA entry. */
  tables: TableFacts[]
  largeObjects: LargeObjectFacts
  /** In the order of the table of contents. */
  entries: TocEntryFacts[]
  sequences: SequenceFacts[]
  /** Owners and everyone named in grants, policies, user mappings and database settings; sorted. */
  roles: string[]
  extensions: string[]
  /** Length of the stream. */
  bytes: number
}

const BLOCK_TYPES: Record<number, Expected['kind']> = { 1: 'table', 3: 'large objects' }

/** One archive, from its first byte to its last. Synchronous, so it belongs in a worker thread. */
export class ArchiveReader {
  #source = new Source()
  #kernel = createRowKernel()
  #objects = createObjectReader()
  #ledger = emptyLedger()
  #tables: TableFacts[] = []
  #header: HeaderFacts | undefined
  #parser = this.#parse()
  #failure: unknown

  /**
   * Takes the next piece of the stream, cut anywhere; it may be reused after the call.
   * @throws Failure dump-invalid; again at every later call.
   */
  push(bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure
    this.#source.offer(bytes)
    try {
      this.#parser.next()
    } catch (thrown) {
      this.#failure = thrown
      throw thrown
    }
  }

  /** The stream is over. @throws Failure dump-invalid when the archive is not. */
  end(): ArchiveFacts {
    if (this.#failure !== undefined) throw this.#failure
    const { entries, sequences, roles, extensions, expected } = this.#ledger
    const bytes = this.#source.offset
    if (bytes === 0) throw new Failure('dump-invalid', 'the dump stream is empty')
    if (this.#source.inside !== null || this.#header === undefined) {
      throw new Failure(
        'dump-invalid',
        `the dump stream ends inside ${this.#source.inside}, after ${bytes} bytes`,
      )
    }
    for (const { kind, schema, name } of expected.values()) {
      const what = kind === 'table' ? `table ${schema}.${name}` : `large objects ${name}`
      throw new Failure('dump-invalid', `the dump stream ends without the data of ${what}`, {
        facts: { missing: expected.size },
      })
    }
    return {
      header: this.#header,
      tables: this.#tables,
      largeObjects: this.#objects.facts(),
      entries,
      sequences,
      roles: [...roles].sort(),
      extensions,
      bytes,
    }
  }

  *#parse(): Step<void> {
    const source = this.#source
    const { facts, layout } = yield* readHeader(source)
    this.#header = facts
    yield* readContents(source, layout, entry => noteEntry(this.#ledger, entry, source))
    for (;;) {
      source.inside = null
      yield* source.some()
      yield* this.#block()
    }
  }

  *#block(): Step<void> {
    const source = this.#source
    source.inside = 'the head of a data block'
    const offset = source.offset
    const type = yield* source.byte()
    const kind = BLOCK_TYPES[type]
    if (kind === undefined) throw source.invalid(`a data block of unknown type ${type}`)
    const id = yield* source.int()
    const expected = this.#ledger.expected.get(id)
    if (!expected) throw source.invalid(`a data block for entry ${id}, which has no data to come`)
    const { schema, name } = expected
    source.inside = kind === 'table' ? `the data of table ${schema}.${name}` : `the large objects ${name}`
    if (kind !== expected.kind) throw source.invalid(`a data block of the wrong type ${type}`)
    if (expected.offset !== null && expected.offset !== offset) {
      throw source.invalid(`a data block that the table of contents places at byte ${expected.offset}`)
    }
    this.#ledger.expected.delete(id)
    if (kind === 'large objects') yield* this.#objects.block(source)
    else this.#tables.push({ schema, name, ...(yield* readRows(source, this.#kernel)), offset })
  }
}
