// A restore beside out of a monthly archive: needs the archive and a key that opens it, and nothing else of the bucket.
import { DUMP_NAME, GLOBALS_NAME } from '../domain/archive.js'
import type { ArchiveName } from '../domain/archive-name.js'
import { Failure } from '../domain/errors.js'
import type { Manifest } from '../domain/manifest.js'
import type { SubjectId } from '../domain/subject.js'
import { withSession } from '../postgres/connection.js'
import { maintenanceDatabase } from '../postgres/target.js'
import { checkTarget } from '../restore/preflight.js'
import { passing } from '../sys/passing.js'
import { loadAs } from './load-proven.js'
import { type OpenArchive, openArchive, readArchiveManifest, readMember } from './open-archive.js'
import type { JobContext, Parts } from './parts.js'
import type { RestoreReport } from './restore-beside.js'
import { tellRestore } from './tell-restore.js'

export interface ArchiveRestoreRequest {
  subject: SubjectId
  /** `latest` or a name like 2026-12. */
  archive: string
  /** Name of the new database. */
  database: string
  withRoles: boolean
}

export interface ArchiveRestoreReport extends RestoreReport {
  archive: ArchiveName
}

/**
 * Restores the database of an archive into a new one, proven against the manifest inside.
 * @throws Failure archive-unknown, key-wrong, object-corrupt; of the preflight, the load or the proof.
 */
export function restoreArchive(
  parts: Parts,
  request: ArchiveRestoreRequest,
  context: JobContext,
): Promise<ArchiveRestoreReport> {
  return tellRestore(parts, context, request.database, async begin => {
    const archive = await openArchive(parts, request.subject, request.archive, context.signal)
    const { backup: manifest } = await readArchiveManifest(archive)
    begin(manifest)
    return restoreOpened(parts, request, archive, manifest, context)
  })
}

async function restoreOpened(
  parts: Parts,
  { database, withRoles }: ArchiveRestoreRequest,
  archive: OpenArchive,
  manifest: Manifest,
  context: JobContext,
): Promise<ArchiveRestoreReport> {
  const { postgres } = parts.config
  const { dump } = manifest
  if (!dump) throw new Failure('object-corrupt', 'the manifest of the archive describes no database')
  return withSession(postgres, maintenanceDatabase(postgres), { signal: context.signal }, async session => {
    const { missingRoles } = await checkTarget(session, manifest, database, { withRoles })
    const source = {
      stream: (onBytes: (bytes: number) => void) =>
        passing(readMember(archive, DUMP_NAME), part => onBytes(part.length)),
      globals: () => textOf(readMember(archive, GLOBALS_NAME)),
    }
    const request = { key: null, source, manifest, dump, missingRoles, database }
    const { proof, seconds } = await loadAs(parts, session, request, context)
    const { name } = archive.stored
    const made = { manifest, database, createdRoles: missingRoles, passedOver: [], archive: name }
    return { ...made, proof, loadSeconds: seconds }
  })
}

async function textOf(parts: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  return Buffer.concat(all).toString('utf8')
}
