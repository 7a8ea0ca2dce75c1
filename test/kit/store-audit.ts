// What a store really holds: every manifest opened, every chunk it names found at its length, every stream read to its end.
import type { Manifest } from '../../src/domain/manifest.js'
import { type SubjectId, subjectName } from '../../src/domain/subject.js'
import type { Parts } from '../../src/jobs/parts.js'
import { listManifests, listSubjects, readManifest } from '../../src/repository/manifests.js'
import { readStream } from '../../src/repository/read-stream.js'
import { openTenantKey } from '../../src/repository/tenant-keys.js'
import { chunkKey, chunksPrefix, manifestsPrefix } from '../../src/store/keys.js'

type Looked = Pick<Parts, 'repository'>

/**
 * Every backup in the store. Reading a stream checks each chunk against its id, and the whole against its SHA-256.
 * @throws Error for anything half: a manifest that cannot be opened, a chunk that is missing, short or wrong.
 */
export async function auditStore(parts: Looked): Promise<Manifest[]> {
  const { repository } = parts
  const manifests = await openManifests(parts)
  const lengths = new Map<SubjectId, Map<string, number>>()
  for (const manifest of manifests) {
    const { subject, backup } = manifest
    const there = lengths.get(subject) ?? (await sizes(repository.store, chunksPrefix(subject)))
    lengths.set(subject, there)
    for (const { id, storedBytes } of manifest.chunks) {
      const length = there.get(chunkKey(subject, id))
      if (length === storedBytes) continue
      throw new Error(`${backup} of ${subjectName(subject)}: chunk ${id} has ${length}, not ${storedBytes}`)
    }
    const key = await openTenantKey(repository.store, repository.keyring, subject)
    await readThrough(readStream(repository, key, manifest, { signal: new AbortController().signal }))
  }
  return manifests
}

/** Every manifest in the store, opened. @throws Error for one that cannot be, or whose key is not one of ours. */
export async function openManifests({ repository }: Looked): Promise<Manifest[]> {
  const found: Manifest[] = []
  for (const subject of await listSubjects(repository.store)) {
    const names = await listManifests(repository.store, subject)
    const keys = await sizes(repository.store, manifestsPrefix(subject))
    if (keys.size !== names.length) throw new Error(`strange objects among ${[...keys.keys()]}`)
    if (names.length === 0) continue
    const key = await openTenantKey(repository.store, repository.keyring, subject)
    for (const name of names) found.push(await readManifest(repository.store, key, name))
  }
  return found
}

/** The keys below a prefix and how long each object is. */
export async function sizes(
  store: Parts['repository']['store'],
  prefix: string,
): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for await (const { key, bytes } of store.list(prefix)) found.set(key, bytes)
  return found
}

/** The keys of all chunks in the store. */
export async function chunkKeys({ repository }: Looked): Promise<Set<string>> {
  const found = new Set<string>()
  for (const subject of await listSubjects(repository.store)) {
    for (const key of (await sizes(repository.store, chunksPrefix(subject))).keys()) found.add(key)
  }
  return found
}

/** The distinct chunks of a backup that are not among `keys`. */
export function strangersTo(keys: ReadonlySet<string>, manifest: Manifest): string[] {
  const own = new Set(manifest.chunks.map(chunk => chunkKey(manifest.subject, chunk.id)))
  return [...own].filter(key => !keys.has(key))
}

async function readThrough(stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of stream) {
  }
}
