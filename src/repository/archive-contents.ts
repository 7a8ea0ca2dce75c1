// The members of an archive in their order: the words for people first, the dump, the files, the sums of all of it last.
import {
  type ArchiveEntry,
  type ArchiveException,
  type ArchiveManifest,
  DUMP_NAME,
  EXCEPTIONS_NAME,
  GLOBALS_NAME,
  MANIFEST_NAME,
  README_NAME,
  SUMS_NAME,
} from '../domain/archive.js'
import { sumLine } from '../domain/archive-names.js'
import type { TarMember, WrittenMember } from '../seal/tar.js'
import type { Store } from '../store/port.js'
import { type ListedFile, readFiles } from './archive-files.js'

export interface Contents {
  readme: string
  manifest: ArchiveManifest
  globals: string
  /** The stream of the backup that the manifest names. */
  dump: AsyncIterable<Uint8Array>
  files: readonly ListedFile[]
  /** Where the application's files are. */
  filesStore: Store
}

export interface Written {
  entries: ArchiveEntry[]
  exceptions: ArchiveException[]
}

/** A member and what to do when it is written. */
export interface Planned {
  member: TarMember
  /** False when what was written under this name is not to be trusted. */
  sound(): boolean
}

/** @param written filled as the members are written; what it holds by then goes into the last ones. */
export async function* contentMembers(
  contents: Contents,
  written: Written,
  signal: AbortSignal,
): AsyncGenerator<Planned> {
  const { manifest, readme, globals, dump, files, filesStore } = contents
  const madeAt = new Date(manifest.createdAt)
  const text = (name: string, said: string): Planned => {
    const body = Buffer.from(said)
    return always({ name, bytes: body.length, modifiedAt: madeAt, body: [body] })
  }
  yield text(README_NAME, readme)
  yield text(MANIFEST_NAME, `${JSON.stringify(manifest, null, 1)}\n`)
  yield text(GLOBALS_NAME, globals)
  const { stream, instant } = manifest.backup
  yield always({ name: DUMP_NAME, bytes: stream.bytes, modifiedAt: new Date(instant), body: dump })
  const onException = (exception: ArchiveException) => void written.exceptions.push(exception)
  for await (const file of readFiles(filesStore, files, { signal, onException })) {
    yield { member: file, sound: file.sound }
  }
  if (written.exceptions.length > 0) {
    yield text(EXCEPTIONS_NAME, `${JSON.stringify(written.exceptions, null, 1)}\n`)
  }
  const sums = written.entries.filter(entry => !entry.name.endsWith('/'))
  yield text(SUMS_NAME, sums.map(entry => sumLine(entry.name, entry.sha256)).join(''))
}

const always = (member: TarMember): Planned => ({ member, sound: () => true })

/** The members for the tar stream, and what is to be called when each is written. */
export function recorded(
  planned: AsyncIterable<Planned>,
  written: Written,
): { members: AsyncGenerator<TarMember>; onWritten(member: WrittenMember): void } {
  let current: Planned | null = null
  async function* members(): AsyncGenerator<TarMember> {
    for await (const one of planned) {
      current = one
      yield one.member
    }
  }
  return {
    members: members(),
    onWritten: ({ name, offset, bytes, sha256 }) => {
      if (current?.sound()) written.entries.push({ name, offset, bytes, sha256 })
    },
  }
}
