// Cuts a long JSON object into its items as its bytes come, so that a list of a million entries is never in memory as a whole.
// Cuts only: whoever takes an item parses it, and JSON.parse is the judge of what it is.
import { Failure } from '../domain/errors.js'

/** One value: a member of an object that was entered, or an element of a list that was. */
export interface JsonItem {
  /** `createdAt`, `frames.bytes`; of each element of the list `entries` it is `entries`. */
  path: string
  text: string
}

/**
 * @param entered the paths of objects and lists that are given item by item; any other value is given whole.
 * @throws Failure object-corrupt when it is no object, or is cut short; what the source throws.
 */
export async function* jsonItems(
  source: AsyncIterable<Uint8Array>,
  entered: ReadonlySet<string>,
): AsyncGenerator<JsonItem> {
  const cutter = new Cutter(entered)
  for await (const part of source) yield* cutter.push(part)
  if (!cutter.ended) throw corrupt('is cut short')
}

const code = (letter: string): number => letter.charCodeAt(0)
const [QUOTE, BACKSLASH, COLON, COMMA] = [code('"'), code('\\'), code(':'), code(',')]
const [OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [code('{'), code('}'), code('['), code(']')]
const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)

/** An object or list that was entered, and where in it we are. */
interface Place {
  isList: boolean
  path: string
}

/** The value that is being taken: how deep we are in it, and whether in a string. */
interface Taking {
  depth: number
  inString: boolean
  escaped: boolean
  parts: Uint8Array[]
}

class Cutter {
  readonly #entered: ReadonlySet<string>
  readonly #places: Place[] = []
  #expected: 'value' | 'key' | 'colon' | 'after' | 'nothing' = 'value'
  /** Of the value that comes. */
  #path = ''
  #taking: Taking | null = null

  constructor(entered: ReadonlySet<string>) {
    this.#entered = entered
  }

  get ended(): boolean {
    return this.#expected === 'nothing'
  }

  *push(part: Uint8Array): Generator<JsonItem> {
    let from = 0
    for (let at = 0; at < part.length; at++) {
      const byte = part[at] as number
      if (this.#taking === null) {
        if (isSpace(byte)) continue
        if (!this.#begin(byte)) continue
        from = at
      }
      const ends = this.#endsAt(byte)
      if (ends === 'no') continue
      const text = this.#taken(part.subarray(from, ends === 'with' ? at + 1 : at))
      const item = this.#place(text)
      if (item) yield item
      // A number ends with what follows it.
      if (ends === 'before' && !isSpace(byte)) this.#begin(byte)
    }
    if (this.#taking) this.#taking.parts.push(Uint8Array.prototype.slice.call(part, from))
  }

  /** @returns true when the byte begins a value or a key that is to be taken. */
  #begin(byte: number): boolean {
    const place = this.#places.at(-1)
    if (byte === CLOSE || byte === CLOSE_LIST) return this.#leave(byte, place)
    if (this.#expected === 'colon' && byte === COLON) {
      this.#expected = 'value'
      return false
    }
    if (this.#expected === 'after' && byte === COMMA && place) {
      this.#expected = place.isList ? 'value' : 'key'
      return false
    }
    if (this.#expected === 'key' && byte === QUOTE) return this.#take()
    if (this.#expected !== 'value') throw corrupt('is no JSON')
    const isRoot = place === undefined
    if (isRoot && byte !== OPEN) throw corrupt('is no JSON object')
    const isOpening = byte === OPEN || byte === OPEN_LIST
    if (isOpening && (isRoot || (!place.isList && this.#entered.has(this.#path)))) {
      this.#places.push({ isList: byte === OPEN_LIST, path: this.#path })
      this.#expected = byte === OPEN_LIST ? 'value' : 'key'
      return false
    }
    return this.#take()
  }

  #leave(byte: number, place: Place | undefined): false {
    if (!place || place.isList !== (byte === CLOSE_LIST) || this.#expected === 'colon')
      throw corrupt('is no JSON')
    this.#places.pop()
    this.#expected = this.#places.length === 0 ? 'nothing' : 'after'
    return false
  }

  #take(): true {
    this.#taking = { depth: 0, inString: false, escaped: false, parts: [] }
    return true
  }

  /** Whether what is being taken ends with this byte, before it, or not yet. */
  #endsAt(byte: number): 'no' | 'with' | 'before' {
    const taking = this.#taking as Taking
    if (taking.inString) {
      if (taking.escaped) taking.escaped = false
      else if (byte === BACKSLASH) taking.escaped = true
      else if (byte === QUOTE) {
        taking.inString = false
        if (taking.depth === 0) return 'with'
      }
      return 'no'
    }
    if (byte === QUOTE) taking.inString = true
    else if (byte === OPEN || byte === OPEN_LIST) taking.depth += 1
    else if (taking.depth === 0) return isSpace(byte) || isMark(byte) ? 'before' : 'no'
    else if (byte === CLOSE || byte === CLOSE_LIST) {
      taking.depth -= 1
      if (taking.depth === 0) return 'with'
    }
    return 'no'
  }

  #taken(last: Uint8Array): string {
    const { parts } = this.#taking as Taking
    this.#taking = null
    return Buffer.concat([...parts, last]).toString('utf8')
  }

  #place(text: string): JsonItem | null {
    const place = this.#places.at(-1) as Place
    if (this.#expected === 'key') {
      const key = keyOf(text)
      this.#path = place.path === '' ? key : `${place.path}.${key}`
      this.#expected = 'colon'
      return null
    }
    this.#expected = 'after'
    return { path: place.isList ? place.path : this.#path, text }
  }
}

function keyOf(text: string): string {
  try {
    return JSON.parse(text) as string
  } catch {
    throw corrupt('is no JSON')
  }
}

const isMark = (byte: number): boolean => byte === COMMA || byte === CLOSE || byte === CLOSE_LIST

const corrupt = (what: string): Failure => new Failure('object-corrupt', `a JSON document ${what}`)
