// Writes a backup's stream to a plain file: exactly the bytes that pg_dump said, for pg_restore or psql.
import { link, lstat, open, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '../domain/errors.js'
import type { Manifest } from '../domain/manifest.js'
import type { SubjectId } from '../domain/subject.js'
import { readStream } from '../repository/read-stream.js'
import { chooseBackup, type PassedOver, tellPassedOver } from './choose-backup.js'
import { type JobContext, type Parts, progressOf } from './parts.js'

/**
 * The file appears under its name only when it is whole, verified and on disk.
 * @throws Failure file-exists, target-invalid (no such folder), before anything is fetched; object-missing or object-corrupt; disk-full.
 */
export async function exportBackup(
  parts: Parts,
  request: { subject: SubjectId; backup: string; file: string },
  context: JobContext,
): Promise<{ manifest: Manifest; passedOver: PassedOver[] }> {
  await checkFile(request.file)
  const { signal } = context
  const chosen = await chooseBackup(parts.repository, request.subject, request.backup, { signal })
  const { manifest, key, passedOver } = chosen
  tellPassedOver(passedOver, context)
  const partial = `${request.file}.${context.run}.partial`
  const file = await open(partial, 'wx', 0o600).catch(thrown => {
    throw explain(thrown, request.file)
  })
  const count = progressOf(context, request.subject, 'export', manifest.stream.bytes)
  try {
    for await (const part of readStream(parts.repository, key, manifest, { signal })) {
      await file.writeFile(part)
      count(part.length)
    }
    await file.sync()
    await link(partial, request.file)
  } catch (thrown) {
    throw explain(thrown, request.file)
  } finally {
    await file.close()
    await rm(partial, { force: true })
  }
  return { manifest, passedOver }
}

/** Before gigabytes are fetched for nothing; the link in the end is what makes it sure. */
async function checkFile(file: string): Promise<void> {
  if (await lstat(file).catch(() => null)) throw fileExists(file)
  const folder = await stat(dirname(file)).catch(() => null)
  if (!folder?.isDirectory()) throw noFolder(file)
}

function explain(thrown: unknown, file: string): unknown {
  switch ((thrown as NodeJS.ErrnoException).code) {
    case 'EEXIST':
      return fileExists(file)
    case 'ENOSPC':
    case 'EDQUOT':
      return new Failure('disk-full', `no room for ${file}`, {
        cause: thrown,
        hint: `free space in ${dirname(file)}, or choose another folder; nothing of it was left there`,
      })
    case 'ENOENT':
    case 'ENOTDIR':
      return noFolder(file)
    default:
      return thrown
  }
}

const fileExists = (file: string): Failure => new Failure('file-exists', `there is a file ${file} already`)

const noFolder = (file: string): Failure =>
  new Failure('target-invalid', `there is no folder ${dirname(file)}`, {
    hint: 'make it, or choose another one',
  })
