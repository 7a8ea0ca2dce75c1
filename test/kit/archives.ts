// What tests of archives share: a month's run, the application's files, and the stock programs that open an archive.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { type ArchivesReport, archiveTenants, endOfArchives } from '../../src/jobs/archive-tenants.js'
import type { RunResult } from '../../src/jobs/runner.js'
import type { Installation } from './installation.js'

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
    report = await archiveTenants(here.parts(), { month, zone: 'Europe/Paris' }, { ...context, signal: both })
    return endOfArchives(report)
  })
  return { ...result, report }
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
  await execa('bash', ['-eo', 'pipefail', '-c', line, 'bash', identity, archive, tar, into])
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
