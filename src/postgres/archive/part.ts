// A part of an archive that is itself an archive: its table of contents, and the data blocks of some tables.
// pg_restore reads from a pipe: it takes the entries it is told to, and passes over blocks until it meets each one's.
import type { SequenceFacts, TocEntryFacts } from '../../domain/manifest.js'
import { type Entry, readContents } from './contents.js'
import { readHeader } from './header.js'
import { emptyLedger, noteEntry } from './ledger.js'
import { Source, type Step } from './source.js'

export interface Contents {
  entries: Entry[]
  /** Where the first data block begins. */
  end: number
}

/** Reads no more of the stream than the table of contents takes. @throws Failure dump-invalid */
export async function readArchiveContents(stream: AsyncIterable<Uint8Array>): Promise<Contents> {
  const source = new Source()
  const entries: Entry[] = []
  const parser = (function* (): Step<void> {
    const { layout } = yield* readHeader(source)
    yield* readContents(source, layout, entry => entries.push(entry))
  })()
  for await (const piece of stream) {
    source.offer(piece)
    if (parser.next().done) return { entries, end: source.offset }
  }
  throw source.invalid('the archive ends')
}

/** One data block, from a stream that begins with it: its bytes, and nothing of what follows. @throws Failure dump-invalid */
export async function* oneBlock(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = new Source()
  source.inside = 'a data block'
  const parser = (function* (): Step<void> {
    yield* source.byte()
    yield* source.int()
    for (let length = yield* source.int(); length !== 0; length = yield* source.int())
      yield* source.pass(length)
  })()
  for await (const piece of stream) {
    source.offer(piece)
    const done = parser.next().done
    yield done ? piece.subarray(0, piece.length - source.rest.length) : piece
    if (done) return
  }
  throw source.invalid('the archive ends')
}

/** What a proof compares, of these entries alone. */
export function factsOfEntries(entries: readonly Entry[]): {
  entries: TocEntryFacts[]
  sequences: SequenceFacts[]
} {
  const ledger = emptyLedger()
  for (const entry of entries) noteEntry(ledger, entry, new Source())
  return { entries: ledger.entries, sequences: ledger.sequences }
}
