// Writes a backup's stream to a plain file: exactly the bytes that pg_dump said, for pg_restore or psql.
import { createHash } from 'node:crypto'
import type { Manifest } from '../domain/manifest.js'
import type { SubjectId } from '../domain/subject.js'
import { readStream } from '../repository/read-stream.js'
import { checkNewFile, writeNewFile } from '../sys/new-file.js'
import { passing } from '../sys/passing.js'
import { chooseBackup, type PassedOver, tellPassedOver } from './choose-backup.js'
import { type JobContext, type Parts, progressOf } from './parts.js'

export interface Exported {
  manifest: Manifest
  passedOver: PassedOver[]
  /** Of the file, in hex. */
  sha256: string
}

/**
 * The file appears under its name only when it is whole, verified and on disk.
 * @throws Failure file-exists, target-invalid (no such folder), before anything is fetched; object-missing or object-corrupt; disk-full.
 */
export async function exportBackup(
  parts: Parts,
  request: { subject: SubjectId; backup: string; file: string },
  context: JobContext,
): Promise<Exported> {
  await checkNewFile(request.file)
  const { signal } = context
  const chosen = await chooseBackup(parts.repository, request.subject, request.backup, { signal })
  const { manifest, key, passedOver } = chosen
  tellPassedOver(passedOver, context)
  const count = progressOf(context, request.subject, 'export', manifest.stream.bytes)
  const stream = readStream(parts.repository, key, manifest, { signal, onBytes: count })
  const hash = createHash('sha256')
  await writeNewFile(
    request.file,
    context.run,
    passing(stream, part => hash.update(part)),
  )
  return { manifest, passedOver, sha256: hash.digest('hex') }
}
