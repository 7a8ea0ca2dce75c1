// What is said of a subject's backups: who pinned them, which restored to equal tables, which chunks are bad, and so which
// backups are broken. Asked of the store each time, by listing; nothing here is a cache.
import { Failure } from '../domain/errors.js'
import {
  type BackupId,
  type ChunkId,
  instantMs,
  parseBackupId,
  parseChunkId,
  parseInstant,
} from '../domain/ids.js'
import type { Manifest } from '../domain/manifest.js'
import {
  type DamageMark,
  damageSchema,
  type Pin,
  type ProofRecord,
  pinSchema,
  proofSchema,
} from '../domain/records.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { damagePrefix, type ManifestName, pinsPrefix, proofsPrefix } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { openManifests } from './open-manifests.js'
import { RECORD_END, readRecord } from './records.js'
import { unusable } from './unusable.js'

export interface Standing extends Sayings {
  /** Every manifest in the store, newest first, broken ones too. */
  names: readonly ManifestName[]
  broken: ReadonlyMap<BackupId, Broken>
}

/** What the records say, without a look at the manifests. */
export interface Sayings {
  pins: ReadonlyMap<BackupId, Pin>
  /** The newest passed proof of level `restore` of each backup that has one. */
  proofs: ReadonlyMap<BackupId, ProofRecord>
  /** Chunks that are not what was stored: not to be reused, and every backup that names one is broken. */
  marked: ReadonlyMap<ChunkId, DamageMark>
  /** Backups with a record that cannot be read: nobody knows what it says, so they are not to be deleted. */
  doubtful: ReadonlyMap<BackupId, string>
}

export interface Broken {
  /** `unreadable`: its manifest cannot be opened, so nobody knows which chunks it needs. */
  kind: 'unreadable' | 'damaged'
  message: string
}

export interface StandingOptions {
  signal?: AbortSignal
  /** Manifests and records fetched at once. Default 8. */
  transfers?: number
  /** Called with each manifest that can be opened, newest first. */
  onManifest?(name: ManifestName, manifest: Manifest): void
}

/**
 * Everything that is said of a subject's backups; opens every manifest it has.
 * @throws Failure store-* when the store cannot be read to the end: there is no partial answer.
 */
export async function readStanding(
  store: Store,
  key: TenantKey,
  options: StandingOptions = {},
): Promise<Standing> {
  const sayings = await readSayings(store, key, options)
  const broken = new Map<BackupId, Broken>()
  const names: ManifestName[] = []
  for await (const { name, opened } of openManifests(store, key, options)) {
    names.push(name)
    if (opened instanceof Failure) {
      broken.set(name.backup, { kind: 'unreadable', message: unusable(opened).message })
      continue
    }
    const damaged = opened.chunks.filter(chunk => sayings.marked.has(chunk.id))
    const [first] = damaged
    if (first)
      broken.set(name.backup, { kind: 'damaged', message: damageText(damaged.length, first.id, sayings) })
    options.onManifest?.(name, opened)
  }
  return { ...sayings, names, broken }
}

/** The backups that cannot be restored as they are, and why. @throws Failure store-* as above. */
export async function readBroken(
  store: Store,
  key: TenantKey,
  options: StandingOptions = {},
): Promise<Map<BackupId, string>> {
  const { broken } = await readStanding(store, key, options)
  return new Map([...broken].map(([backup, { message }]) => [backup, message]))
}

/** The records alone: pins, the newest passed proofs, marks of damage. @throws Failure store-* as above. */
export async function readSayings(
  store: Store,
  key: TenantKey,
  options: Pick<StandingOptions, 'signal'> = {},
): Promise<Sayings> {
  const doubtful = new Map<BackupId, string>()
  const pins = await readPins(store, key, doubtful, options)
  const proofs = await readProofs(store, key, doubtful, options)
  const marked = await readMarks(store, key, options)
  return { pins, proofs, marked, doubtful }
}

type Signal = Pick<StandingOptions, 'signal'>

async function readPins(store: Store, key: TenantKey, doubtful: Map<BackupId, string>, options: Signal) {
  const pins = new Map<BackupId, Pin>()
  for await (const { where, stem } of stems(store, pinsPrefix(key.subject), options)) {
    const backup = orNull(() => parseBackupId(stem))
    if (backup === null) continue
    const pin = await readOr(store, key, where, pinSchema, options)
    if (pin instanceof Failure) doubtful.set(backup, pin.message)
    else pins.set(backup, pin)
  }
  return pins
}

/** Of each backup the newest first, and no more are read than it takes to find one that passed. */
async function readProofs(store: Store, key: TenantKey, doubtful: Map<BackupId, string>, options: Signal) {
  const found: { where: string; backup: BackupId; atMs: number }[] = []
  for await (const { where, stem } of stems(store, proofsPrefix(key.subject), options)) {
    const at = stem.indexOf('-')
    const backup = orNull(() => parseBackupId(stem.slice(0, at)))
    const instant = orNull(() => parseInstant(stem.slice(at + 1)))
    if (backup !== null && instant !== null) found.push({ where, backup, atMs: instantMs(instant) })
  }
  const proofs = new Map<BackupId, ProofRecord>()
  for (const { where, backup } of found.sort((a, b) => b.atMs - a.atMs)) {
    if (proofs.has(backup)) continue
    const proof = await readOr(store, key, where, proofSchema, options)
    if (proof instanceof Failure) doubtful.set(backup, proof.message)
    else if (proof.level === 'restore' && proof.outcome === 'passed') proofs.set(backup, proof)
  }
  return proofs
}

/** A mark that cannot be read still names its chunk by its key. */
async function readMarks(store: Store, key: TenantKey, options: Signal) {
  const marked = new Map<ChunkId, DamageMark>()
  for await (const { where, stem, modifiedAt } of stems(store, damagePrefix(key.subject), options)) {
    const chunk = orNull(() => parseChunkId(stem))
    if (chunk === null) continue
    const mark = await readOr(store, key, where, damageSchema, options)
    const message = 'the mark of its damage cannot be read'
    const fallback = { format: 1, chunk, at: modifiedAt.toISOString(), kind: 'corrupt', message } as const
    marked.set(chunk, mark instanceof Failure ? fallback : mark)
  }
  return marked
}

async function* stems(store: Store, prefix: string, options: Signal) {
  for await (const { key: where, modifiedAt } of store.list(prefix, options)) {
    if (where.endsWith(RECORD_END)) {
      yield { where, modifiedAt, stem: where.slice(prefix.length, -RECORD_END.length) }
    }
  }
}

async function readOr<T>(...asked: Parameters<typeof readRecord<T>>): Promise<T | Failure> {
  try {
    return await readRecord(...asked)
  } catch (thrown) {
    return unusable(thrown)
  }
}

function orNull<T>(parse: () => T): T | null {
  try {
    return parse()
  } catch {
    return null
  }
}

function damageText(count: number, first: ChunkId, { marked }: Sayings): string {
  const why = marked.get(first)
  return `${count} of its chunks ${count === 1 ? 'is' : 'are'} damaged; ${first}: ${why?.kind}, ${why?.message}`
}
