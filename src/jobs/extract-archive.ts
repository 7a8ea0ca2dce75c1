// One member of an archive into a new file: by the index a few stretches are fetched, and nothing else of the archive.
import type { SubjectId } from '../domain/subject.js'
import { checkNewFile, writeNewFile } from '../sys/new-file.js'
import { openArchive, readMember } from './open-archive.js'
import { type JobContext, type Parts, progressOf } from './parts.js'

export interface ExtractRequest {
  subject: SubjectId
  /** `latest` or a name like 2026-12. */
  archive: string
  /** As `archive show` lists it. */
  member: string
  /** Of the new file. */
  file: string
}

/** @throws Failure file-exists, target-invalid before anything is fetched; archive-unknown, member-unknown; object-corrupt. */
export async function extractArchive(
  parts: Parts,
  { subject, archive, member, file }: ExtractRequest,
  context: JobContext,
): Promise<{ archive: string; member: string; bytes: number; byIndex: boolean }> {
  await checkNewFile(file)
  const opened = await openArchive(parts, subject, archive, context.signal)
  const total = opened.index?.entries.find(one => one.name === member)?.bytes ?? null
  const count = progressOf(context, subject, 'export', total)
  let bytes = 0
  const content = async function* () {
    for await (const part of readMember(opened, member)) {
      bytes += part.length
      count(part.length)
      yield part
    }
  }
  await writeNewFile(file, context.run, content())
  return { archive: opened.stored.name, member, bytes, byIndex: opened.index !== null }
}
