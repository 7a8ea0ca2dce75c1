// The archive of one tenant: last night's dump out of its chunks, its files, the roles it needs; one sealed stream.
import { ARCHIVE_FORMAT, type ArchiveMade, type ArchiveManifest } from '../domain/archive.js'
import { type ArchiveName, freeName } from '../domain/archive-name.js'
import { Failure } from '../domain/errors.js'
import type { DumpFacts, Manifest } from '../domain/manifest.js'
import { GLOBALS, type SubjectId, subjectName } from '../domain/subject.js'
import { neededRoles } from '../postgres/roles.js'
import type { Contents } from '../repository/archive-contents.js'
import { listFiles } from '../repository/archive-files.js'
import { listArchives } from '../repository/archive-list.js'
import { readmeText } from '../repository/archive-readme.js'
import { writeArchive } from '../repository/archive-write.js'
import { listManifests } from '../repository/manifests.js'
import { readStream } from '../repository/read-stream.js'
import { type OpenedBackup, openBackup } from './open-backup.js'
import { type JobContext, type Parts, progressOf } from './parts.js'
import { withSubjectLease } from './subject-lease.js'
import { sweepUploads } from './sweep-uploads.js'

export interface ArchiveRequest {
  subject: SubjectId
  /** Like 2026-12. */
  month: string
  /** `latest`, a backup id or its beginning, or an instant. */
  backup: string
}

/**
 * Makes an archive under the first free name of the month. When this rejects there is none, or one without an index, which
 * counts for nothing.
 * @throws Failure of whatever stage broke; subject-busy when another run works on the subject.
 */
export function archiveTenant(
  parts: Parts,
  request: ArchiveRequest,
  outer: JobContext,
): Promise<ArchiveMade> {
  const { subject, month } = request
  return withSubjectLease(parts, subject, outer, async context => {
    const startedTicks = parts.clock.ticks()
    const { repository, config } = parts
    await sweepUploads(parts, subject, context)
    const opened = await openBackup(repository, subject, request.backup)
    const taken = await listArchives(repository.store, subject, context)
    const name = freeName(month, new Set(taken.map(one => one.name)))
    context.emit({
      type: 'archive-started',
      subject,
      facts: { archive: name, backup: opened.manifest.backup },
    })
    const recipients = archiveRecipients(parts)
    const contents = await gather(parts, opened, { name, recipients }, context)
    try {
      const made = await writeArchive(repository, {
        subject,
        name,
        contents,
        recipients,
        level: config.archives.compressionLevel,
        spoolFolder: config.stateDirectory,
        signal: context.signal,
        onBytes: progressOf(context, subject, 'archive', contentBytes(contents.manifest)),
        ...noteUploads(subject, context),
      })
      tell(made, contents, Math.round(parts.clock.ticks() - startedTicks), context)
      return made
    } finally {
      await contents.files.close()
    }
  })
}

/** Archives may have a key of their own, kept offline: then nothing on this machine opens them. */
function archiveRecipients({ config, repository }: Parts): readonly string[] {
  const { recipients } = config.archives
  return recipients.length > 0 ? recipients : repository.keyring.recipients
}

async function gather(
  parts: Parts,
  { key, manifest }: OpenedBackup,
  { name, recipients }: { name: ArchiveName; recipients: readonly string[] },
  { signal }: JobContext,
): Promise<Contents> {
  const dump = dumpOf(manifest)
  const { subject } = manifest
  const folders = subject.startsWith('tenants/') ? parts.config.files.folders : []
  const globals = await neededGlobals(parts, dump, signal)
  const spoolFolder = parts.config.stateDirectory
  const files = await listFiles(parts.files, `${subject}/`, folders, { spoolFolder, signal })
  const createdAt = parts.clock.now().toISOString()
  const archive: ArchiveManifest = {
    format: ARCHIVE_FORMAT,
    tool: parts.tool,
    subject,
    name,
    createdAt,
    recipients: [...recipients],
    backup: manifest,
    globals: globals.from,
    files: { folders: [...folders], count: files.count, bytes: files.bytes },
  }
  const readme = readmeText({
    subject: subjectName(subject),
    archive: name,
    instant: manifest.instant,
    createdAt,
    serverVersion: dump.server.version,
    database: dump.database.name,
    folders,
  })
  const stream = readStream(parts.repository, key, manifest, { signal })
  return { readme, manifest: archive, globals: globals.script, dump: stream, files, filesStore: parts.files }
}

function dumpOf(manifest: Manifest): DumpFacts {
  if (manifest.dump) return manifest.dump
  throw new Failure('usage', 'the roles have no archive of their own', {
    hint: 'each archive holds those that its database needs, as globals.sql',
  })
}

/** From the newest backup of the roles; an installation may have none, and its databases are archived all the same. */
async function neededGlobals(
  { repository }: Parts,
  dump: DumpFacts,
  signal: AbortSignal,
): Promise<{ script: string; from: ArchiveManifest['globals'] }> {
  const names = await listManifests(repository.store, GLOBALS, { signal })
  if (names.length === 0) return { script: '-- there was no backup of the roles\n', from: null }
  const { manifest, key } = await openBackup(repository, GLOBALS, 'latest')
  const parts: Uint8Array[] = []
  for await (const part of readStream(repository, key, manifest, { signal })) parts.push(part)
  const script = neededRoles(Buffer.concat(parts).toString('utf8'), dump.roles)
  return { script, from: { backup: manifest.backup, instant: manifest.instant } }
}

const contentBytes = ({ backup, files }: ArchiveManifest): number => backup.stream.bytes + files.bytes

/** Both ends of an upload go into the journal, so that one whose end is missing can be found. */
function noteUploads(subject: SubjectId, context: JobContext) {
  return {
    onUpload: (key: string, upload: string) =>
      context.emit({ type: 'upload-started', subject, facts: { key, upload } }),
    onUploaded: (key: string, upload: string) =>
      context.emit({ type: 'upload-ended', subject, facts: { key, upload, outcome: 'completed' } }),
  }
}

function tell(
  { name, subject, backup, instant, archive, tarBytes, missing, changed }: ArchiveMade,
  { files }: Contents,
  durationMs: number,
  context: JobContext,
): void {
  context.emit({
    type: 'archive-stored',
    subject: subject as SubjectId,
    facts: {
      archive: name,
      backup,
      instant,
      files: files.count - missing,
      missing,
      changed,
      tarBytes,
      storedBytes: archive.bytes,
      durationMs,
    },
  })
}
