// The dump stream as its parser sees it: readers that suspend (`yield`) whenever the bytes at hand run out.
// Guarantees that a read gives the same value wherever the stream is split, and allocates only for bytes that came.
// Encodings: WriteInt, WriteStr in src/bin/pg_dump/pg_backup_archiver.c.
import { isUtf8 } from 'node:buffer'
import { Failure } from '../../domain/errors.js'

/** A reader in progress: suspended until the next piece comes, then its value. */
export type Step<T> = Generator<void, T, void>

const INT_BYTES = 5
/** No definition comes near; a length beyond it is damage, and would otherwise have us collect the whole stream. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024

export class Source {
  /** What the parser is inside of, for the message when the stream ends there; null where it may end. */
  inside: string | null = 'the header'
  #piece: Uint8Array = new Uint8Array()
  #at = 0
  #before = 0

  /** Bytes of the stream consumed so far. */
  get offset(): number {
    return this.#before + this.#at
  }

  /** Bytes of the current piece not yet consumed: valid until the reader suspends. */
  get rest(): Uint8Array {
    return this.#piece.subarray(this.#at)
  }

  offer(piece: Uint8Array): void {
    this.#before += this.#piece.length
    this.#piece = piece
    this.#at = 0
  }

  skip(bytes: number): void {
    this.#at += bytes
  }

  *byte(): Step<number> {
    yield* this.some()
    return this.#piece[this.#at++] ?? 0
  }

  /** Suspends until there is at least one byte. */
  *some(): Step<void> {
    while (this.#at === this.#piece.length) yield
  }

  /** A copy of the next `length` bytes. */
  *take(length: number): Step<Buffer> {
    const parts: Buffer[] = []
    for (let missing = length; missing > 0; ) {
      yield* this.some()
      const part = Buffer.from(this.#piece.subarray(this.#at, this.#at + missing))
      this.#at += part.length
      missing -= part.length
      parts.push(part)
    }
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)
  }

  /** Leaves the next `length` bytes unread. */
  *pass(length: number): Step<void> {
    for (let missing = length; missing > 0; ) {
      yield* this.some()
      const passed = Math.min(missing, this.#piece.length - this.#at)
      this.#at += passed
      missing -= passed
    }
  }

  /** A sign byte and four bytes of magnitude, little-endian. @throws Failure dump-invalid */
  *int(): Step<number> {
    let [piece, at] = [this.#piece, this.#at]
    if (piece.length - at >= INT_BYTES) this.#at += INT_BYTES
    else [piece, at] = [yield* this.take(INT_BYTES), 0]
    const sign = piece[at] ?? 0
    if (sign > 1) throw this.invalid(`a number has the sign byte ${sign}`)
    const low = (piece[at + 1] ?? 0) | ((piece[at + 2] ?? 0) << 8) | ((piece[at + 3] ?? 0) << 16)
    const magnitude = low + (piece[at + 4] ?? 0) * 0x1000000
    return sign === 0 ? magnitude : -magnitude
  }

  /** A string's bytes, or null. @throws Failure dump-invalid */
  *bytes(): Step<Buffer | null> {
    const length = yield* this.#textLength()
    return length === null ? null : yield* this.take(length)
  }

  /** A string left unread. @returns whether it was one, not null. @throws Failure dump-invalid */
  *passBytes(): Step<boolean> {
    const length = yield* this.#textLength()
    yield* this.pass(length ?? 0)
    return length !== null
  }

  *#textLength(): Step<number | null> {
    const length = yield* this.int()
    if (length === -1) return null
    if (length < 0 || length > MAX_TEXT_BYTES) throw this.invalid(`a string has the length ${length}`)
    return length
  }

  /** @throws Failure dump-invalid */
  *text(): Step<string | null> {
    const bytes = yield* this.bytes()
    return bytes === null ? null : decodeText(bytes)
  }

  invalid(what: string, hint?: string): Failure {
    const where = this.inside === null ? '' : ` in ${this.inside}`
    return new Failure('dump-invalid', `${what}${where}, at byte ${this.offset} of the dump stream`, {
      facts: { offset: this.offset },
      ...(hint === undefined ? {} : { hint }),
    })
  }
}

/** UTF-8 as nearly every database has it; anything else byte by byte as Latin-1, so that nothing of a name is lost. */
export const decodeText = (bytes: Buffer): string => bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')
