// One member of an archive, as a stream or into a new file: by the index a few stretches are fetched, and nothing else of it.
import type { ArchiveName } from '../domain/archive-name.js'
import type { SubjectId } from '../domain/subject.js'
import { readEntry } from '../repository/archive-read.js'
import { checkNewFile, writeNewFile } from '../sys/new-file.js'
import { entryNamed, openArchive, readMember } from './open-archive.js'
import { type JobContext, type Parts, progressOf } from './parts.js'

export interface MemberRequest {
  subject: SubjectId
  /** `latest` or a name like 2026-12. */
  archive: string
  /** As `archive show` lists it. */
  member: string
}

export interface ExtractRequest extends MemberRequest {
  /** Of the new file. */
  file: string
}

export interface Member {
  archive: ArchiveName
  /** Null without an index: nobody knows before the end. */
  bytes: number | null
  sha256: string | null
  /** Its last part comes only when all of it was right: whoever got it to its end has it whole. */
  content: AsyncGenerator<Uint8Array>
}

/** Opens it far enough to know that it is there. @throws Failure archive-unknown, member-unknown; key-wrong; object-corrupt. */
export async function openMember(
  parts: Pick<Parts, 'repository'>,
  { subject, archive, member }: MemberRequest,
  signal: AbortSignal,
): Promise<Member> {
  const opened = await openArchive(parts, subject, archive, signal)
  const { place, head } = opened
  const entry = head && (await entryNamed(opened, member))
  const content = lastOnceSound(head && entry ? readEntry(place, head, entry) : readMember(opened, member))
  const first = await content.next()
  return {
    archive: opened.stored.name,
    bytes: entry?.bytes ?? null,
    sha256: entry?.sha256 ?? null,
    content: goOn(first, content),
  }
}

/** @throws Failure file-exists, target-invalid before anything is fetched; archive-unknown, member-unknown; object-corrupt. */
export async function extractArchive(
  parts: Parts,
  { file, ...request }: ExtractRequest,
  context: JobContext,
): Promise<{ archive: string; member: string; bytes: number; byIndex: boolean }> {
  await checkNewFile(file)
  const opened = await openMember(parts, request, context.signal)
  const count = progressOf(context, request.subject, 'export', opened.bytes)
  let bytes = 0
  const content = async function* () {
    for await (const part of opened.content) {
      bytes += part.length
      count(part.length)
      yield part
    }
  }
  await writeNewFile(file, context.run, content())
  return { archive: opened.archive, member: request.member, bytes, byIndex: opened.bytes !== null }
}

async function* lastOnceSound(parts: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | null = null
  for await (const part of parts) {
    if (held) yield held
    held = part
  }
  if (held) yield held
}

async function* goOn(
  first: IteratorResult<Uint8Array>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.done) return
    yield first.value
    yield* rest
  } finally {
    await rest.return(undefined)
  }
}
