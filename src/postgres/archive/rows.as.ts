// Kernel: walks the frames of one table's data block, gathers the payload and digests each row, 16 bytes at a step.
// Guarantees the same sums wherever the stream or its frames are split; touches no memory beyond its two windows.
// Frames: src/bin/pg_dump/pg_backup_custom.c (_CustomWriteFunc, _skipData). Digest: MurmurHash3_x64_128, seed 0
// (github.com/aappleby/smhasher, MurmurHash3.cpp, public domain).

const CAPACITY: u32 = 128 * 1024
const IN: usize = 64 * 1024
// A vector read may go 15 bytes past either window, and up to 15 bytes are carried over in front of new payload.
const OUT: usize = IN + CAPACITY + 64

// What a server can send as one CopyData message: MaxAllocSize in src/include/utils/memutils.h.
const MAX_FRAME: u32 = 0x3fffffff
const FRAME_HEAD: u32 = 5
const NEWLINE: u8 = 0x0a
const TERMINATOR: u16 = 0x2e5c
const NEWLINES_AFTER_TERMINATOR: u32 = 2

const MORE: u32 = 0
const ENDED: u32 = 1
const BAD_FRAME: u32 = 2
const DATA_AFTER_TERMINATOR: u32 = 3
const NO_TERMINATOR: u32 = 4

const C1: u64 = 0x87c37b91114253d5
const C2: u64 = 0x4cf5ad432745937f

let headBytes: u32 = 0
let headSign: u32 = 0
let headValue: u32 = 0
let frameLeft: u32 = 0

let outEnd: usize = OUT
let rowStart: usize = OUT
let dataEnd: usize = OUT
let rowDone: u64 = 0
let h1: u64 = 0
let h2: u64 = 0
let terminated: bool = false
let newlinesAfter: u32 = 0
let broken: bool = false

let rowCount: u64 = 0
let sum1: u64 = 0
let sum2: u64 = 0
let inEnd: usize = IN

export function capacity(): u32 {
  return CAPACITY
}
export function input(): usize {
  return IN
}
export function output(): usize {
  return OUT
}
export function consumed(): u32 {
  return <u32>(inEnd - IN)
}
export function gathered(): u32 {
  return <u32>(dataEnd - OUT)
}
export function rows(): u64 {
  return rowCount
}
export function digest1(): u64 {
  return sum1
}
export function digest2(): u64 {
  return sum2
}

export function begin(): void {
  headBytes = frameLeft = newlinesAfter = 0
  outEnd = rowStart = dataEnd = OUT
  rowDone = h1 = h2 = rowCount = sum1 = sum2 = 0
  terminated = broken = false
}

/** Walks `length` bytes of the input window. The gathered payload stays valid until the next call. */
export function walk(length: u32): u32 {
  carryOver()
  const end = IN + length
  let at = IN
  let status = MORE
  while (at < end) {
    if (frameLeft == 0) {
      at = readHead(at, end)
      if (headBytes != FRAME_HEAD) break
      headBytes = 0
      if (headSign != 0 || headValue > MAX_FRAME) {
        status = BAD_FRAME
        break
      }
      if (headValue == 0) {
        const whole = terminated && newlinesAfter == NEWLINES_AFTER_TERMINATOR && rowStart == outEnd
        status = whole ? ENDED : NO_TERMINATOR
        break
      }
      frameLeft = headValue
    }
    const size = min<u32>(frameLeft, <u32>(end - at))
    gather(at, size)
    at += size
    frameLeft -= size
  }
  inEnd = at
  absorb()
  return broken ? DATA_AFTER_TERMINATOR : status
}

function carryOver(): void {
  const carried = outEnd - rowStart
  v128.store(OUT, v128.load(rowStart))
  rowStart = dataEnd = OUT
  outEnd = OUT + carried
}

@inline
function readHead(at: usize, end: usize): usize {
  if (headBytes == 0 && end - at >= FRAME_HEAD) {
    headSign = load<u8>(at)
    headValue = load<u32>(at, 1)
    headBytes = FRAME_HEAD
    return at + FRAME_HEAD
  }
  return readSplitHead(at, end)
}

function readSplitHead(at: usize, end: usize): usize {
  while (at < end && headBytes < FRAME_HEAD) {
    const byte = <u32>load<u8>(at++)
    if (headBytes == 0) {
      headSign = byte
      headValue = 0
    } else {
      headValue |= byte << ((headBytes - 1) * 8)
    }
    headBytes++
  }
  return at
}

/** Copies payload to the output window and ends a row at each newline on the way. */
function gather(at: usize, size: u32): void {
  const newlines = i8x16.splat(NEWLINE)
  const out = outEnd
  let i: u32 = 0
  for (; i + 16 <= size; i += 16) {
    const bytes = v128.load(at + i)
    v128.store(out + i, bytes)
    endRows(out + i, i8x16.bitmask(i8x16.eq(bytes, newlines)))
  }
  if (i < size) {
    const bytes = v128.load(at + i)
    v128.store(out + i, bytes)
    endRows(out + i, i8x16.bitmask(i8x16.eq(bytes, newlines)) & ((1 << (size - i)) - 1))
  }
  outEnd = out + size
}

@inline
function endRows(base: usize, found: i32): void {
  while (found != 0) {
    endRow(base + ctz(found))
    found &= found - 1
  }
}

function endRow(end: usize): void {
  const start = rowStart
  rowStart = end + 1
  if (terminated) {
    if (end != start || ++newlinesAfter > NEWLINES_AFTER_TERMINATOR) broken = true
    return
  }
  if (end - start == 2 && rowDone == 0 && load<u16>(start) == TERMINATOR) {
    terminated = true
    dataEnd = start
    return
  }
  finish(start, end)
}

@inline
function mix1(k: u64): u64 {
  return rotl<u64>(k * C1, 31) * C2
}
@inline
function mix2(k: u64): u64 {
  return rotl<u64>(k * C2, 33) * C1
}
@inline
function finalMix(k: u64): u64 {
  k = (k ^ (k >> 33)) * 0xff51afd7ed558ccd
  k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53
  return k ^ (k >> 33)
}

function finish(start: usize, end: usize): void {
  let a = h1
  let b = h2
  const length = rowDone + (end - start)
  let at = start
  for (; end - at >= 16; at += 16) {
    a = (rotl<u64>(a ^ mix1(load<u64>(at)), 27) + b) * 5 + 0x52dce729
    b = (rotl<u64>(b ^ mix2(load<u64>(at, 8)), 31) + a) * 5 + 0x38495ab5
  }
  // The tail as two zero-extended words: what lies behind the row's end is masked away, and a zero word mixes to nothing.
  const tail = <u64>(end - at)
  const low = tail >= 8 ? load<u64>(at) : load<u64>(at) & ((1 << (tail << 3)) - 1)
  const high = tail > 8 ? load<u64>(at, 8) & ((1 << ((tail - 8) << 3)) - 1) : 0
  a ^= mix1(low) ^ length
  b ^= mix2(high) ^ length
  a += b
  b += a
  a = finalMix(a)
  b = finalMix(b)
  a += b
  sum1 += a
  sum2 += b + a
  rowCount++
  h1 = h2 = rowDone = 0
}

/** Takes whole 16-byte blocks of the row that goes on, so that at most 15 bytes are carried to the next call. */
function absorb(): void {
  if (terminated) {
    if (rowStart != outEnd) broken = true
    rowStart = outEnd
    return
  }
  let a = h1
  let b = h2
  const from = rowStart
  let at = from
  for (; outEnd - at >= 16; at += 16) {
    a = (rotl<u64>(a ^ mix1(load<u64>(at)), 27) + b) * 5 + 0x52dce729
    b = (rotl<u64>(b ^ mix2(load<u64>(at, 8)), 31) + a) * 5 + 0x38495ab5
  }
  h1 = a
  h2 = b
  rowDone += at - from
  rowStart = dataEnd = at
}
