// What tests of archives share: a month's run, the application's files, and the stock programs that open an archive.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import type { ArchiveEntry, ArchiveMade } from '../../src/domain/archive.js'
import { parseArchiveName } from '../../src/domain/archive-name.js'
import { type ArchivesReport, archiveTenants, endOfArchives } from '../../src/jobs/archive-tenants.js'
import type { RunResult } from '../../src/jobs/runner.js'
import { listFiles } from '../../src/repository/archive-files.js'
import { type ArchivePlace, readIndexItems } from '../../src/repository/archive-index.js'
import { writeArchive } from '../../src/repository/archive-write.js'
import { readStream } from '../../src/repository/read-stream.js'
import type { Repository } from '../../src/repository/repository.js'
import { ensureTenantKey } from '../../src/repository/tenant-keys.js'
import type { Store } from '../../src/store/port.js'
import type { Installation } from './installation.js'
import { ACME, backUp, never, type TestRepository } from './repository.js'

/** One run of archive-tenants, journalled. */
export async function archiveMonth(
  here: Installation,
  month: string,
  signal?: AbortSignal,
): Promise<RunResult & { report: ArchivesReport | null }> {
  let report: ArchivesReport | null = null
  const job = { name: 'archive-tenants', trigger: 'schedule' } as const
  const result = await here.app.runner.run(job, async context => {
    const both = signal ? AbortSignal.any([signal, context.signal]) : context.signal
    const request = { month, zone: 'Europe/Paris', makeUp: true }
    report = await archiveTenants(here.parts(), request, { ...context, signal: both })
    return endOfArchives(report)
  })
  return { ...result, report }
}

/** An archive of one backup of plain bytes and of what is below `tenants/acme/<folders>` of a store, without a server. */
export async function archiveBytes(
  repository: Repository,
  filesStore: Store,
  options: {
    dump?: Uint8Array
    folders?: string[]
    recipients?: readonly string[]
    signal?: AbortSignal
    onUpload?: (key: string, id: string) => void
    spoolFolder?: string
  } = {},
): Promise<ArchiveMade> {
  const {
    dump = Buffer.from('not really a dump'),
    folders = ['documents'],
    signal = never,
    spoolFolder = tmpdir(),
  } = options
  const backup = await backUp(repository, ACME, dump)
  const key = await ensureTenantKey(repository, ACME)
  const files = await listFiles(filesStore, `${ACME}/`, folders, { spoolFolder, signal })
  const recipients = options.recipients ?? repository.keyring.recipients
  const name = parseArchiveName('2026-12')
  const manifest = {
    format: 1 as const,
    tool: 'a test',
    subject: ACME,
    name,
    createdAt: '2026-12-01T04:30:00.000Z',
    recipients: [...recipients],
    backup,
    globals: null,
    files: { folders, count: files.count, bytes: files.bytes },
  }
  const dumped = readStream(repository, key, backup, { signal })
  try {
    return await writeArchive(repository, {
      subject: ACME,
      name,
      contents: { readme: 'read me', manifest, globals: '', dump: dumped, files, filesStore },
      recipients,
      level: 9,
      spoolFolder,
      signal,
      onUpload: options.onUpload ?? (() => {}),
      onUploaded: () => {},
    })
  } finally {
    await files.close()
  }
}

/** Where the archive of `archiveBytes` is. */
export const placeOf = (repository: TestRepository): ArchivePlace => ({
  store: repository.store,
  identities: [repository.recovery],
  subject: ACME,
  name: parseArchiveName('2026-12'),
  signal: never,
})

/** Every member that the index has. */
export async function entriesOf(place: ArchivePlace): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = []
  for await (const { list, item } of readIndexItems(place)) if (list === 'entries') entries.push(item)
  return entries
}

/** The application writes a file into the directory store of an installation. */
export function applicationFile(here: Installation, key: string, content: Uint8Array | string): void {
  const file = join(here.storeFolder, key)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

/** `age -d | zstd -d | tar -x` into a new folder, with nothing of ours, and the sums checked there. */
export async function unpack(
  archive: string,
  { identity, into, tar = 'tar' }: { identity: string; into: string; tar?: 'tar' | 'bsdtar' },
): Promise<void> {
  mkdirSync(into, { recursive: true })
  const line = 'age -d -i "$1" "$2" | zstd -dq | "$3" -xf - -C "$4"; cd "$4"; sha256sum -c --quiet SHA256SUMS'
  // Under plain C, which a bare machine has, bsdtar refuses names that are not ASCII; GNU tar takes them as they are.
  const env = { LC_ALL: tar === 'bsdtar' ? 'C.UTF-8' : 'C' }
  await execa('bash', ['-eo', 'pipefail', '-c', line, 'bash', identity, archive, tar, into], { env })
}

/** Names below a folder → SHA-256 of the files. */
export function sumsBelow(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(one => one.isFile())
  const pairs = entries.map(one => {
    const path = join(one.parentPath, one.name)
    return [path.slice(folder.length + 1), createHash('sha256').update(readFileSync(path)).digest('hex')]
  })
  return Object.fromEntries(pairs)
}
