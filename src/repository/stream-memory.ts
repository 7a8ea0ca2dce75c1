// What the new chunks of one stream lie in on their way to the store. Kept for the next stream, as much as streams were under
// way at once; where it is full, chunks lie in buffers of their own, which V8 counts and collects.

const MB = 1024 * 1024
/** As many as wait to be sealed, and the largest chunk. */
const RAW_BYTES = 16 * MB
/** A sealed chunk is given as much as its plaintext has: eight on their way to the store. */
const SEALED_BYTES = 8 * MB

export interface StreamMemory {
  raw: SharedArrayBuffer
  sealed: SharedArrayBuffer
}

const spare: StreamMemory[] = []

export const takeMemory = (): StreamMemory =>
  spare.pop() ?? { raw: new SharedArrayBuffer(RAW_BYTES), sealed: new SharedArrayBuffer(SEALED_BYTES) }

/** Only when no thread works on any chunk of the stream any more, and none is on its way to the store. */
export const giveMemoryBack = (memory: StreamMemory): void => void spare.push(memory)
