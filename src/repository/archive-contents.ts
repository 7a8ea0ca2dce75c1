// The members of an archive in their order: the words for people first, the dump, the files, the sums of all of it last.
import {
  type ArchiveManifest,
  DUMP_NAME,
  EXCEPTIONS_NAME,
  GLOBALS_NAME,
  MANIFEST_NAME,
  OTHER_NAMES_FIELD,
  type OtherName,
  README_NAME,
  SUMS_NAME,
} from '../domain/archive.js'
import type { TarMember, WrittenMember } from '../seal/tar.js'
import type { Store } from '../store/port.js'
import { type FileListing, readFiles } from './archive-files.js'
import { type ArchiveLedger, encoded, type SizedText } from './archive-ledger.js'

export interface Contents {
  readme: string
  manifest: ArchiveManifest
  globals: string
  /** The stream of the backup that the manifest names. */
  dump: AsyncIterable<Uint8Array>
  files: FileListing
  /** Where the application's files are. */
  filesStore: Store
}

/** A member and what to do when it is written. */
export interface Planned {
  member: TarMember
  /** False when what was written under this name is not to be trusted. */
  sound(): boolean
}

/** @param ledger filled as the members are written; what it holds by then goes into the last ones. */
export async function* contentMembers(
  contents: Contents,
  ledger: ArchiveLedger,
  signal: AbortSignal,
): AsyncGenerator<Planned> {
  const { manifest, readme, globals, dump, files, filesStore } = contents
  const modifiedAt = new Date(manifest.createdAt)
  const sized = (name: string, { bytes, parts }: SizedText): Planned =>
    always({ name, bytes, modifiedAt, body: parts() })
  const text = (name: string, said: string): Planned => {
    const body = Buffer.from(said)
    return always({ name, bytes: body.length, modifiedAt, body: [body] })
  }
  yield text(README_NAME, readme)
  yield sized(MANIFEST_NAME, await manifestText(manifest, files))
  yield text(GLOBALS_NAME, globals)
  const { stream, instant } = manifest.backup
  yield always({ name: DUMP_NAME, bytes: stream.bytes, modifiedAt: new Date(instant), body: dump })
  const onException = ledger.noteException.bind(ledger)
  for await (const file of readFiles(filesStore, files.files(), { signal, onException })) {
    yield { member: file, sound: file.sound }
  }
  const exceptions = ledger.exceptions()
  if (exceptions) yield sized(EXCEPTIONS_NAME, exceptions)
  yield sized(SUMS_NAME, ledger.sums())
}

const always = (member: TarMember): Planned => ({ member, sound: () => true })

/** The manifest with the other names, which are read twice: a tar wants to know the length first. */
async function manifestText(manifest: ArchiveManifest, files: FileListing): Promise<SizedText> {
  const parts = () => encoded(manifestLines(manifest, files.otherNames()))
  let bytes = 0
  for await (const part of parts()) bytes += part.length
  return { bytes, parts }
}

async function* manifestLines(
  manifest: ArchiveManifest,
  others: AsyncIterable<OtherName>,
): AsyncGenerator<string> {
  yield `${JSON.stringify(manifest, null, 1).slice(0, -'\n}'.length)},\n "${OTHER_NAMES_FIELD}": [`
  let between = '\n  '
  for await (const other of others) {
    yield between + JSON.stringify(other)
    between = ',\n  '
  }
  yield between.startsWith(',') ? '\n ]\n}\n' : ']\n}\n'
}

/** The members for the tar stream, and what is to be called when each is written. */
export function recorded(
  planned: AsyncIterable<Planned>,
  ledger: ArchiveLedger,
): { members: AsyncGenerator<TarMember>; onWritten(member: WrittenMember): Promise<void> } {
  let current: Planned | null = null
  async function* members(): AsyncGenerator<TarMember> {
    for await (const one of planned) {
      current = one
      yield one.member
    }
  }
  return {
    members: members(),
    onWritten: async member => {
      if (current?.sound()) await ledger.noteEntry(member)
    },
  }
}
