// Holds one long list of names and sums against another, in whatever order each is, in bounded memory: by turns, each turn for
// the names that fall to it. Up to fifty thousand names it is one turn.
import { type LineSpool, lineSpool } from '../seal/line-spool.js'

/** Names with their SHA-256, in the order in which they were noted. */
export interface SumList {
  readonly count: number
  note(name: string, sha256: string): Promise<void>
  /** Those that fall to one of so many turns. */
  ofTurn(turn: number, turns: number): AsyncGenerator<[name: string, sha256: string]>
  close(): Promise<void>
}

/** Of names, some 300 bytes each in memory. */
const NAMES_AT_ONCE = 50_000
const DIGITS = 8

/** @param folder for what is too much for memory. */
export function sumList(folder: string): SumList {
  const spool: LineSpool = lineSpool(folder)
  return {
    get count() {
      return spool.count
    },
    // The turn can be told without reading what follows.
    note: (name, sha256) =>
      spool.add(scattered(name).toString(16).padStart(DIGITS, '0') + JSON.stringify([name, sha256])),
    ofTurn: async function* (turn, turns) {
      for await (const line of spool.lines()) {
        if (turns > 1 && Number.parseInt(line.slice(0, DIGITS), 16) % turns !== turn) continue
        yield JSON.parse(line.slice(DIGITS))
      }
    },
    close: () => spool.close(),
  }
}

/**
 * Of two sums for one name in `found` the last counts.
 * @param onDifference told of each name of `promised[list]` that has another sum in `found`, or none there.
 * @returns how many different names were found.
 */
export async function compareSums(
  found: SumList,
  promised: readonly SumList[],
  onDifference: (list: number, name: string, found: string | undefined) => void,
  namesAtOnce = NAMES_AT_ONCE,
): Promise<number> {
  const turns = Math.max(1, Math.ceil(found.count / namesAtOnce))
  let names = 0
  for (let turn = 0; turn < turns; turn++) {
    const sums = new Map<string, string>()
    for await (const [name, sha256] of found.ofTurn(turn, turns)) sums.set(name, sha256)
    names += sums.size
    for (const [list, sumsOf] of promised.entries())
      for await (const [name, sha256] of sumsOf.ofTurn(turn, turns))
        if (sums.get(name) !== sha256) onDifference(list, name, sums.get(name))
  }
  return names
}

/** Names that are alike fall to different turns (FNV-1a). */
function scattered(name: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
