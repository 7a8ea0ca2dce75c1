// A tar stream (POSIX pax) of members whose sizes are known before: any name, any size, one member in memory at no time.
// Each member's place in the stream and its SHA-256 are told when it is written.
import { createHash } from 'node:crypto'
import { type Pack, pack } from 'tar-stream'
import { asFailure, Failure } from '../domain/errors.js'

export interface TarMember {
  /** Ends with `/` for a folder. */
  name: string
  bytes: number
  modifiedAt: Date
  /** Exactly `bytes` of content. */
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

export interface WrittenMember {
  name: string
  /** Where its content starts in the tar stream. */
  offset: number
  bytes: number
  sha256: string
}

type Header = Parameters<Pack['entry']>[0]
type Sink = ReturnType<Pack['entry']>

const BLOCK_BYTES = 512
/** Beyond these the classic header has no room: 11 octal digits of size; seconds that tar-stream cuts to 31 bits. */
const CLASSIC_BYTES_MAX = 8 ** 11 - 1
const CLASSIC_SECONDS_MAX = 2 ** 31 - 1

/**
 * @param onWritten called when a member is whole, before the next one is asked for.
 * @throws whatever a member's body throws; Failure unexpected when it is not as long as it said.
 */
export async function* tarStream(
  members: AsyncIterable<TarMember>,
  onWritten: (member: WrittenMember) => void | Promise<void>,
): AsyncGenerator<Uint8Array> {
  const tar = pack()
  const pushed = countPushes(tar)
  const filling = fill(tar, members, member =>
    onWritten({ ...member, offset: pushed.bytes - padded(member.bytes) }),
  )
  // Whoever reads the tar must hear of it, whether or not it waits for bytes just then.
  filling.catch(reason => tar.destroy(reason))
  try {
    for await (const part of tar) yield part as Uint8Array
    await filling
  } finally {
    tar.destroy()
    await filling.catch(() => {})
  }
}

const padded = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES

function countPushes(tar: Pack): { bytes: number } {
  const count = { bytes: 0 }
  const push = tar.push.bind(tar)
  tar.push = (part: Uint8Array | null) => {
    count.bytes += part?.length ?? 0
    return push(part)
  }
  return count
}

async function fill(
  tar: Pack,
  members: AsyncIterable<TarMember>,
  onWritten: (member: Omit<WrittenMember, 'offset'>) => void | Promise<void>,
): Promise<void> {
  for await (const member of members) {
    const { name, bytes } = member
    await onWritten({ name, bytes, sha256: await writeMember(tar, member) })
  }
  tar.finalize()
}

async function writeMember(tar: Pack, { name, bytes, modifiedAt, body }: TarMember): Promise<string> {
  const hash = createHash('sha256')
  const { sink, ended } = openMember(tar, headerOf({ name, bytes, modifiedAt }))
  let written = 0
  try {
    for await (const part of body) {
      written += part.length
      if (written > bytes) break
      hash.update(part)
      if (part.length > 0 && !sink.write(part)) await drained(sink, ended)
    }
    if (written !== bytes) {
      throw new Failure('unexpected', `a member of a tar said it has ${bytes} bytes, and gave ${written}`)
    }
  } catch (thrown) {
    sink.destroy(asFailure(thrown))
    throw thrown
  }
  sink.end(undefined)
  await ended
  return hash.digest('hex')
}

function openMember(tar: Pack, header: Header): { sink: Sink; ended: Promise<void> } {
  let sink: Sink | null = null
  const ended = new Promise<void>((resolve, reject) => {
    sink = tar.entry(header, error => (error ? reject(error) : resolve()))
    // Told to the callback as well; without a listener it would end the process.
    sink.on('error', reject)
  })
  ended.catch(() => {})
  return { sink: sink as unknown as Sink, ended }
}

function headerOf({ name, bytes, modifiedAt }: Omit<TarMember, 'body'>): Header {
  const seconds = Math.max(0, Math.floor(modifiedAt.getTime() / 1000))
  const pax = {
    ...(bytes > CLASSIC_BYTES_MAX ? { size: String(bytes) } : {}),
    ...(seconds > CLASSIC_SECONDS_MAX ? { mtime: String(seconds) } : {}),
  }
  const isFolder = name.endsWith('/')
  return {
    name,
    size: bytes,
    type: isFolder ? 'directory' : 'file',
    mode: isFolder ? 0o755 : 0o644,
    mtime: new Date(Math.min(seconds, CLASSIC_SECONDS_MAX) * 1000),
    ...(Object.keys(pax).length > 0 ? { pax } : {}),
  }
}

function drained(sink: Sink, ended: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    sink.once('drain', resolve)
    ended.catch(reject)
  })
}
