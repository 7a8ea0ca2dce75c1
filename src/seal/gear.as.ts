// The gear hash of cutter.ts, in AssemblyScript: scans the chunk that grows at `buffer` and says where it ends.
// Keeps the hash between calls, so that each byte is read once whatever the pieces it comes in.

const WINDOW: usize = 64
const tableAt = memory.data(256 * 8, 16)

let min: usize = 0
let turning: usize = 0
let hard: u64 = 0
let easy: u64 = 0
let hash: u64 = 0

/** Where the caller puts the 256 little-endian words. */
export function table(): usize {
  return tableAt
}

/** Where the caller puts the chunk's bytes: at a page's start, behind everything else. */
export function buffer(): usize {
  return (__heap_base + 0xffff) & ~0xffff
}

/** A chunk shorter than `turningBytes` ends where the hash is under `hardBound`, a longer one where it is under `easyBound`. */
export function configure(minBytes: usize, turningBytes: usize, hardBound: u64, easyBound: u64): void {
  min = minBytes
  turning = turningBytes
  hard = hardBound
  easy = easyBound
}

/** Scans bytes `from` to `to` of the chunk; `from` is where the last call ended. @returns its length, or 0 when it goes on. */
export function scan(from: usize, to: usize): usize {
  const start = min - WINDOW
  if (to <= start) return 0
  // Bytes before the window of the first test are shifted out of the hash by then: they are skipped.
  if (from <= start) {
    from = start
    hash = 0
  }
  const base = buffer()
  from = find(base, from, to < min - 1 ? to : min - 1, 0)
  if (from >= to) return 0
  from = find(base, from, to < turning - 1 ? to : turning - 1, hard)
  if (found || from >= to) return found ? from : 0
  from = find(base, from, to, easy)
  return found ? from : 0
}

let found: bool = false

/** Rolls the hash over bytes `at` to `end`, up to and with the first one after which it is under `bound`. @returns where it stopped. */
function find(base: usize, at: usize, end: usize, bound: u64): usize {
  let h = hash
  let p = base + at
  const last = base + end
  found = false
  while (p + 8 <= last) {
    const word = load<u64>(p)
    h = (h << 1) + entry(word << 3)
    if (h < bound) return stop(h, p + 1 - base)
    h = (h << 1) + entry(word >> 5)
    if (h < bound) return stop(h, p + 2 - base)
    h = (h << 1) + entry(word >> 13)
    if (h < bound) return stop(h, p + 3 - base)
    h = (h << 1) + entry(word >> 21)
    if (h < bound) return stop(h, p + 4 - base)
    h = (h << 1) + entry(word >> 29)
    if (h < bound) return stop(h, p + 5 - base)
    h = (h << 1) + entry(word >> 37)
    if (h < bound) return stop(h, p + 6 - base)
    h = (h << 1) + entry(word >> 45)
    if (h < bound) return stop(h, p + 7 - base)
    h = (h << 1) + entry(word >> 53)
    if (h < bound) return stop(h, p + 8 - base)
    p += 8
  }
  while (p < last) {
    h = (h << 1) + entry(<u64>load<u8>(p) << 3)
    p++
    if (h < bound) return stop(h, p - base)
  }
  hash = h
  return end > at ? end : at
}

// @ts-ignore: decorator
@inline
function entry(byteTimes8: u64): u64 {
  return load<u64>(<usize>(byteTimes8 & 0x7f8), tableAt)
}

function stop(h: u64, at: usize): usize {
  hash = h
  found = true
  return at
}
