// Reads an archive: by its index, a few pieces for one file; without one, from the beginning to where the file is.
import { createHash } from 'node:crypto'
import { extract } from 'tar-stream'
import type { ArchiveEntry, ArchiveHead } from '../domain/archive.js'
import { asFailure, Failure } from '../domain/errors.js'
import { openHead, openStream } from '../seal/age-decrypt.js'
import { openStretch, type SealedFile } from '../seal/age-range.js'
import { decompressFrames } from '../seal/frames.js'
import { decompress } from '../seal/zstd.js'
import { archiveKey } from '../store/keys.js'
import { type ArchivePlace, explained, readIndexItems } from './archive-index.js'
import { storedParts } from './archive-write.js'

/** One member's content through the index; its end says that its SHA-256 was right. @throws Failure object-corrupt, key-wrong */
export async function* readEntry(
  place: ArchivePlace,
  head: ArchiveHead,
  entry: ArchiveEntry,
): AsyncGenerator<Uint8Array> {
  const file = await sealedFile(place, head)
  const hash = createHash('sha256')
  const frameBytes = head.frames.bytes
  let skip = entry.offset % frameBytes
  let left = entry.bytes
  for await (const { at, bytes } of framesFrom(place, Math.floor(entry.offset / frameBytes))) {
    if (left === 0) break
    const raw = decompress(await collected(openStretch(file, at, bytes)), frameBytes)
    const part = raw.subarray(skip, skip + left)
    if (part.length === 0) throw corrupt(place, `ends before ${entry.name} does`)
    hash.update(part)
    left -= part.length
    skip = 0
    yield part
  }
  if (left > 0) throw corrupt(place, `ends before ${entry.name} does`)
  if (hash.digest('hex') !== entry.sha256)
    throw corrupt(place, `holds other bytes for ${entry.name} than its index says`)
}

/** Where the frames are in the age file's plaintext, from the given one on. */
async function* framesFrom(
  place: ArchivePlace,
  first: number,
): AsyncGenerator<{ at: number; bytes: number }> {
  let [at, frame] = [0, 0]
  for await (const { list, item } of readIndexItems(place)) {
    if (list !== 'frames.stored') return
    if (frame >= first) yield { at, bytes: item }
    at += item
    frame += 1
  }
}

async function sealedFile(
  { store, identities, subject, name, signal }: ArchivePlace,
  { payloadAt, archive }: ArchiveHead,
): Promise<SealedFile> {
  const where = archiveKey(subject, name)
  const head = await store.getRange(where, { start: 0, bytes: payloadAt }, { signal })
  const { version, totalBytes } = head
  if (totalBytes !== archive.bytes)
    throw new Failure(
      'object-corrupt',
      `the archive ${where} has ${totalBytes} bytes, its index says ${archive.bytes}`,
    )
  const key = await openHead(head.body, identities).catch(thrown => {
    throw explained(asFailure(thrown), where)
  })
  const read = async (start: number, bytes: number) =>
    (await store.getRange(where, { start, bytes }, { version, signal })).body
  return { key, payloadAt, fileBytes: totalBytes, read }
}

export interface ScannedMember {
  name: string
  bytes: number
  /** To be read to its end, or left: then it is passed over. */
  content: AsyncIterable<Uint8Array>
}

/** Every member in order, by reading all of the archive; needs no index. @throws Failure key-wrong, object-corrupt, object-missing */
export async function* scanArchive(
  place: ArchivePlace,
  /** Given each stored part as it passes. */
  onStored: (part: Uint8Array) => void = () => {},
): AsyncGenerator<ScannedMember> {
  const { store, identities, subject, name, signal } = place
  const where = archiveKey(subject, name)
  const tar = extract()
  const stored = async function* () {
    for await (const part of storedParts(store, where, signal)) {
      onStored(part)
      yield part
    }
  }
  const source = decompressFrames(openStream(stored(), identities))
  const feeding = feed(tar, source)
  feeding.catch(reason => tar.destroy(reason))
  try {
    for await (const entry of tar) {
      const { name: member, size = 0, type } = entry.header
      const isFolder = type === 'directory' && !member.endsWith('/')
      yield {
        name: isFolder ? `${member}/` : member,
        bytes: size,
        content: entry as AsyncIterable<Uint8Array>,
      }
      entry.resume()
    }
    await feeding
  } catch (thrown) {
    const failure = asFailure(
      await feeding.then(
        () => thrown,
        reason => reason,
      ),
    )
    throw failure.code === 'unexpected'
      ? corrupt(place, 'is no sound tar', thrown)
      : explained(failure, where)
  } finally {
    tar.destroy()
    await feeding.catch(() => {})
  }
}

async function feed(tar: ReturnType<typeof extract>, source: AsyncGenerator<Uint8Array>): Promise<void> {
  let closed = false
  let go = () => {}
  const goOn = () => go()
  tar.on('drain', goOn)
  tar.once('close', () => {
    closed = true
    goOn()
  })
  for await (const part of source) {
    if (closed) return
    if (!tar.write(part) && !closed) {
      await new Promise<void>(resolve => {
        go = resolve
      })
    }
  }
  if (!closed) tar.end(undefined)
}

async function collected(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  return Buffer.concat(all)
}

const corrupt = ({ subject, name }: ArchivePlace, what: string, cause?: unknown): Failure =>
  new Failure('object-corrupt', `the archive ${archiveKey(subject, name)} ${what}`, {
    cause,
    hint: 'type `gmah-backup archive verify` to see what of it is sound; keep it, and look for an older one',
  })
