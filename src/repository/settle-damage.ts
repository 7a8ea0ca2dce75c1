// What a dump leaves behind of the damage it met: what it stored anew loses its mark, once it was read back; what it had no
// more use for gets one, since older backups still need it.
import { Failure } from '../domain/errors.js'
import type { ChunkId } from '../domain/ids.js'
import { subjectName } from '../domain/subject.js'
import type { TenantKey } from '../seal/tenant-key.js'
import { chunkKey } from '../store/keys.js'
import { type ChunkDamage, markDamage, takeMarkOff } from './damage.js'
import type { KnownChunks } from './known-chunks.js'
import type { Repository } from './repository.js'
import { type NeededChunk, verifyChunks } from './verify-chunk.js'

export interface Settled {
  /** Marked chunks that are whole again. */
  healed: ChunkId[]
  /** Chunks that are marked from now on. */
  marked: ChunkDamage[]
}

/**
 * @param stored the chunks that this dump put, among those that were marked or suspected.
 * @throws Failure object-corrupt when a chunk that was just put does not read back: the store cannot be trusted.
 */
export async function settleDamage(
  repository: Repository,
  key: TenantKey,
  known: Pick<KnownChunks, 'marked' | 'suspects'>,
  stored: ReadonlyMap<ChunkId, NeededChunk>,
  signal: AbortSignal,
): Promise<Settled> {
  const anew = [...stored.values()].filter(chunk => known.marked.has(chunk.id))
  const [bad] = await verifyChunks(repository, key, anew, { signal })
  if (bad) {
    throw new Failure(
      'object-corrupt',
      `chunk ${bad.key} of ${subjectName(key.subject)} was stored anew and does not read back: ${bad.message}`,
      { hint: 'do not trust this store: look for what else writes to it, and whether its disk is failing' },
    )
  }
  for (const { id } of anew) await takeMarkOff(repository.store, key.subject, id)
  const unneeded = [...known.suspects.values()].filter(suspect => !stored.has(suspect.id))
  const found = await verifyChunks(repository, key, unneeded, { signal })
  const marked = found.map(damage => suspected(damage, known))
  for (const damage of marked) await markDamage(repository.store, key, damage, repository.clock.now())
  return { healed: anew.map(chunk => chunk.id), marked }
}

/** A chunk cut short does not open either: what the listing showed says more than that. */
function suspected(damage: ChunkDamage, { suspects }: Pick<KnownChunks, 'suspects'>): ChunkDamage {
  return damage.kind === 'corrupt' && suspects.get(damage.chunk)?.kind === 'wrong-length'
    ? { ...damage, kind: 'wrong-length' }
    : damage
}

/** Why a damaged chunk could not be stored anew; null when it was not for that. */
export function heldByLock(thrown: unknown, key: TenantKey, id: ChunkId): Failure | null {
  if (!(thrown instanceof Failure) || thrown.code !== 'store-locked') return null
  const where = chunkKey(key.subject, id)
  return new Failure(
    'store-locked',
    `chunk ${where} is damaged, and a bucket lock keeps it from being stored anew`,
    {
      cause: thrown,
      hint: `take the bucket's lock rule on ${key.subject}/ off, type \`gmah-backup backup ${subjectName(key.subject)}\`, and put the rule back`,
    },
  )
}
