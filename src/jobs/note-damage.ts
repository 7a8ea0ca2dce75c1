// Chunks that a proof found damaged: marked in the store, so that the next dump stores them anew, and every backup that names
// one is known as broken.
import type { ManifestChunk } from '../domain/manifest.js'
import type { ChunkDamage } from '../repository/damage.js'
import { markDamage } from '../repository/damage.js'
import { verifyChunks } from '../repository/verify-chunk.js'
import { noteBroken } from './broken-backups.js'
import type { OpenedBackup } from './open-backup.js'
import type { JobContext, Parts } from './parts.js'

const DAMAGES_TOLD = 20

/** @throws Failure store-* when the marks cannot be stored. */
async function noteDamage(
  parts: Parts,
  { manifest: { subject }, key }: OpenedBackup,
  damaged: readonly ChunkDamage[],
  context: JobContext,
): Promise<void> {
  if (damaged.length === 0) return
  const { store, clock } = parts.repository
  for (const damage of damaged) await markDamage(store, key, damage, clock.now())
  const broken = [...(await noteBroken(parts, key, context.signal)).keys()]
  const first = damaged.slice(0, DAMAGES_TOLD).map(({ key: where, message }) => ({ key: where, message }))
  context.emit({ type: 'objects-damaged', subject, facts: { count: damaged.length, first, broken } })
}

/** Each of these chunks once, read back; damaged ones are noted. @returns them. */
export async function readChunks(
  parts: Parts,
  opened: OpenedBackup,
  chunks: readonly ManifestChunk[],
  context: JobContext,
  onBytes: (bytes: number) => void = () => {},
): Promise<ChunkDamage[]> {
  const { key } = opened
  const { signal } = context
  const onSound = ({ bytes }: ManifestChunk): void => onBytes(bytes)
  const damaged = await verifyChunks(parts.repository, key, distinct(chunks), { signal, onSound })
  await noteDamage(parts, opened, damaged, context)
  return damaged
}

const distinct = (chunks: readonly ManifestChunk[]) => [...new Map(chunks.map(one => [one.id, one])).values()]
