// Backups of some weeks ago in the store of an installation, and time that passed for what waits there.

import { newBackupId } from '../../src/domain/ids.js'
import type { Manifest } from '../../src/domain/manifest.js'
import { commitManifest } from '../../src/repository/manifests.js'
import { ensureTenantKey } from '../../src/repository/tenant-keys.js'
import { readWaiting, replaceWaiting } from '../../src/repository/waiting-chunks.js'
import { DAY_MS } from './copies.js'
import type { Installation } from './installation.js'
import { noise } from './noise.js'
import { writePlainly } from './plain-backup.js'
import { ACME, manifestOf } from './repository.js'
import { shipSchedule } from './schedules.js'

/** The shipped policy with few backups kept, and a fuse that asks late. */
export function writeSmallPolicy(here: Pick<Installation, 'folder'>, daily: number): void {
  const small = { minimum: 1, keep: { scheduled: { daily } }, fuse: { percent: 100, backups: 1000 } }
  shipSchedule(here, 'retention', small)
}

/** Backups of acme, oldest last, most of whose chunks are their own. @param seed another one gives other data. */
export async function makeOld(
  here: Pick<Installation, 'parts'>,
  { count, seed }: { count: number; seed: number },
): Promise<Manifest[]> {
  const { repository } = here.parts()
  const key = await ensureTenantKey(repository, ACME)
  const made: Manifest[] = []
  for (let back = 0; back < count; back++) {
    const bytes = Buffer.concat([noise(30_000, 1), noise(60_000, seed + back)])
    const instant = new Date(Date.now() - (20 + back) * DAY_MS).toISOString()
    const manifest = {
      ...manifestOf(ACME, await writePlainly(repository, key, bytes), instant),
      backup: newBackupId(),
    }
    await commitManifest(repository.store, key, manifest)
    made.push(manifest)
  }
  return made
}

/** As if ten days had passed for the list of chunks that wait. */
export async function ageWaiting(here: Pick<Installation, 'parts'>): Promise<void> {
  const { repository } = here.parts()
  const key = await ensureTenantKey(repository, ACME)
  const before = await readWaiting(repository.store, key)
  const since = new Map([...before.since].map(([chunk, ms]) => [chunk, ms - 10 * DAY_MS]))
  await replaceWaiting(repository.store, key, { before, since, now: new Date() })
}
