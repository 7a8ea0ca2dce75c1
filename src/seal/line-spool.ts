// Lines in their order, as many as there are, in the memory of one block: full blocks are compressed, sealed with a key that
// this object alone has, and put into a file without a name. Who finds its bytes on the disk finds nothing.
import { randomBytes } from 'node:crypto'
import { Failure } from '../domain/errors.js'
import { openUnnamedFile, type UnnamedFile } from '../sys/unnamed-file.js'
import { openPiece, sealPiece } from './payload.js'
import { compress, decompress } from './zstd.js'

export interface LineSpool {
  /** So many were added. */
  readonly count: number
  /** A line, without a line break in it. Not to be called again before it has resolved. @throws Failure disk-full */
  add(line: string): Promise<void>
  /** Those that were added before, in their order; as often as one likes. @throws Failure object-corrupt when the disk gives other bytes. */
  lines(): AsyncGenerator<string>
  close(): Promise<void>
}

/** Of text, before a block is written. Few lines never touch the disk. */
const BLOCK_CHARACTERS = 48 * 1024
const LENGTH_BYTES = 4
const KEY_BYTES = 32
/** A block and its last line; what is longer was not written here. */
const BLOCK_BYTES_MAX = 16 * 1024 * 1024

/** @param folder where the file is made, when there is more than a block. */
export function lineSpool(folder: string): LineSpool {
  const key = randomBytes(KEY_BYTES)
  let opened: Promise<UnnamedFile> | null = null
  let [blocks, end, count] = [0, 0, 0]
  let held: string[] = []
  let characters = 0
  let closed = false

  /** When an archive ends early, what feeds its lists may stop a little later than they are closed. */
  function assertOpen(): void {
    if (closed)
      throw new Failure('unexpected', 'lines are added to a spool, or read from one, that is closed')
  }

  async function flush(): Promise<void> {
    opened ??= openUnnamedFile(folder)
    const file = await opened
    const block = sealBlock(key, blocks, held)
    await file.append(block)
    blocks += 1
    end += block.length
    held = []
    characters = 0
  }

  async function* lines(): AsyncGenerator<string> {
    const [until, last] = [end, [...held]]
    const file = await opened
    for (let at = 0, index = 0; file !== null && at < until; index++) {
      assertOpen()
      const bytes = Buffer.from(await file.read(at, LENGTH_BYTES)).readUInt32BE()
      yield* openBlock(key, index, await file.read(at + LENGTH_BYTES, bytes))
      at += LENGTH_BYTES + bytes
    }
    yield* last
  }

  return {
    get count() {
      return count
    },
    add: async line => {
      assertOpen()
      held.push(line)
      count += 1
      characters += line.length + 1
      if (characters >= BLOCK_CHARACTERS) await flush()
    },
    lines,
    close: async () => {
      closed = true
      // One that could not be opened was told to whoever added.
      const file = await opened?.catch(() => null)
      await file?.close()
    },
  }
}

/** Its length first. */
function sealBlock(key: Uint8Array, index: number, lines: readonly string[]): Buffer {
  const { body, tag } = sealPiece(key, index, false, compress(Buffer.from(lines.join('\n'))))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(body.length + tag.length)
  return Buffer.concat([length, body, tag])
}

function openBlock(key: Uint8Array, index: number, sealed: Uint8Array): string[] {
  const text = decompress(openPiece(key, index, false, sealed), BLOCK_BYTES_MAX)
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(text).split('\n')
}
