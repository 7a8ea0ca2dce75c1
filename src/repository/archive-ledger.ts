// What is noted while an archive is written: its members, its frames, what could not be had. It grows with the number of files,
// so it is not in memory: the sums inside, and the index beside the archive, are made of it when their turn comes.
import type { ArchiveEntry, ArchiveException, ArchiveHead, ArchiveMade } from '../domain/archive.js'
import { sumLine } from '../domain/archive-names.js'
import { type LineSpool, lineSpool } from '../seal/line-spool.js'
import { gather } from '../sys/gather.js'

/** Text whose length is known before it is read, as a tar wants it. */
export interface SizedText {
  bytes: number
  parts(): AsyncGenerator<Uint8Array>
}

/** No frame is stored in more digits, and its comma and line break. */
const FRAME_CHARACTERS = 9
/** So many exceptions are told where a run is told of; all of them are in the archive and in its index. */
const EXCEPTIONS_TOLD = 100

export class ArchiveLedger {
  readonly #entries: LineSpool
  readonly #frames: LineSpool
  readonly #exceptions: LineSpool
  readonly #told: ArchiveException[] = []
  #missing = 0
  #sumsBytes = 0
  #exceptionsBytes = 0
  #entriesBytes = 0

  /** @param folder for what is too much for memory. Call `close` in the end. */
  constructor(folder: string) {
    this.#entries = lineSpool(folder)
    this.#frames = lineSpool(folder)
    this.#exceptions = lineSpool(folder)
  }

  async noteEntry({ name, offset, bytes, sha256 }: ArchiveEntry): Promise<void> {
    if (hasSum(name)) this.#sumsBytes += Buffer.byteLength(sumLine(name, sha256))
    const line = JSON.stringify({ name, offset, bytes, sha256 })
    this.#entriesBytes += Buffer.byteLength(line)
    await this.#entries.add(line)
  }

  async noteFrame(storedBytes: number): Promise<void> {
    await this.#frames.add(String(storedBytes))
  }

  async noteException(exception: ArchiveException): Promise<void> {
    const line = JSON.stringify(exception)
    if (exception.what === 'missing') this.#missing += 1
    if (this.#told.length < EXCEPTIONS_TOLD) this.#told.push(exception)
    this.#exceptionsBytes += Buffer.byteLength(line)
    await this.#exceptions.add(line)
  }

  /** Of SHA256SUMS: of everything that was noted by now. */
  sums(): SizedText {
    return { bytes: this.#sumsBytes, parts: () => encoded(sumLines(this.#entries.lines())) }
  }

  /** As a JSON list; null when there are none. */
  exceptions(): SizedText | null {
    const { count } = this.#exceptions
    if (count === 0) return null
    const list = () => encoded(inList(this.#exceptions.lines()))
    return { bytes: this.#exceptionsBytes + listBytes(count) + 1, parts: () => withEnd(list(), '\n') }
  }

  /** The index of the archive as one JSON object, a line for each item of its lists. */
  async *index(head: ArchiveHead): AsyncGenerator<Uint8Array> {
    const { frames, ...facts } = head
    yield Buffer.from(`${JSON.stringify(facts).slice(0, -1)},\n"frames":{"bytes":${frames.bytes},"stored":`)
    yield* encoded(inList(this.#frames.lines()))
    yield Buffer.from('},\n"entries":')
    yield* encoded(inList(this.#entries.lines()))
    yield Buffer.from(',\n"exceptions":')
    yield* encoded(inList(this.#exceptions.lines()))
    yield Buffer.from('}\n')
  }

  /** At least what the sealed index will be long. */
  indexBytes(): number {
    const lines = this.#entries.count + this.#exceptions.count + this.#frames.count * FRAME_CHARACTERS
    return Math.ceil((this.#entriesBytes + this.#exceptionsBytes + 2 * lines) * 1.01) + 1024 * 1024
  }

  made(head: ArchiveHead): ArchiveMade {
    const changed = this.#exceptions.count - this.#missing
    const [members, missing] = [this.#entries.count, this.#missing]
    return { ...head, members, missing, changed, exceptions: [...this.#told] }
  }

  async close(): Promise<void> {
    await Promise.all([this.#entries.close(), this.#frames.close(), this.#exceptions.close()])
  }
}

const hasSum = (name: string): boolean => !name.endsWith('/')

async function* sumLines(entries: AsyncGenerator<string>): AsyncGenerator<string> {
  for await (const line of entries) {
    const { name, sha256 } = JSON.parse(line) as ArchiveEntry
    if (hasSum(name)) yield sumLine(name, sha256)
  }
}

/** `[` and `]` and, between items, `,` and a line break. */
async function* inList(items: AsyncGenerator<string>): AsyncGenerator<string> {
  let between = '['
  for await (const item of items) {
    yield between + item
    between = ',\n'
  }
  yield between === '[' ? '[]' : ']'
}

const listBytes = (count: number): number => 2 + 2 * (count - 1)

const GATHERED_CHARACTERS = 64 * 1024

/** A stream of bytes in parts of some size: one for each line would cost more than the line. */
export async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const some of gather(texts, GATHERED_CHARACTERS, text => text.length)) {
    yield Buffer.from(some.join(''))
  }
}

async function* withEnd(parts: AsyncGenerator<Uint8Array>, end: string): AsyncGenerator<Uint8Array> {
  yield* parts
  yield Buffer.from(end)
}
