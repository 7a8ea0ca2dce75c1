// Removes the snapshots of one schedule that its rule no longer keeps: by the same plan as dumps, over what Hetzner lists now.
import { asFailure } from '../domain/errors.js'
import type { SnapshotSettings } from '../domain/snapshot-settings.js'
import type { Hetzner } from '../hetzner/client.js'
import { isHeld, isOfSchedule, isOurs, isWanted, serverSelector } from '../hetzner/marks.js'
import type { Image, Server } from '../hetzner/shapes.js'
import { listSheets, sheetKeyOf } from '../repository/sheets.js'
import type { Copy, Decision } from '../retention/copy.js'
import { planRetention } from '../retention/plan.js'
import type { JobContext, Parts } from './parts.js'

export interface PruneRules extends Pick<SnapshotSettings, 'keep' | 'minimum'> {
  schedule: string
  zone: string
}

/** One that is still being made after so long never will be: it counts for nothing, and may go when it would be too old. */
const STUCK_MS = 24 * 3_600_000

/** What would be kept and removed of a listing, with every reason. Pure. */
function planSnapshots(images: readonly Image[], server: number, rules: PruneRules, now: Date): Decision[] {
  const copies = images
    .filter(image => isOurs(image, server) && isOfSchedule(image, rules.schedule))
    .map(image => copyOf(image, now))
  return planRetention(copies, {
    now,
    zone: rules.zone,
    keep: { snapshot: rules.keep },
    minimum: rules.minimum,
    departed: null,
    lastRunFailed: null,
  })
}

function copyOf(image: Image, now: Date): Copy {
  const instant = new Date(image.created)
  const making = image.status === 'creating' && now.getTime() - instant.getTime() < STUCK_MS
  return {
    id: String(image.id),
    instant,
    kind: 'snapshot',
    pin: isWanted(image) ? 'it has the label keep' : null,
    proven: false,
    broken: image.status === 'available' ? null : 'damaged',
    doubt: making ? 'it is still being made' : null,
    locked: isHeld(image) ? 'it is protected against deletion, and not by us' : null,
  }
}

/**
 * Lists all pages anew, plans, and removes: image first, then its sheet. Only ever called after a run that made a snapshot.
 * @returns the ids that went.
 */
export async function pruneSnapshots(
  parts: Parts,
  hetzner: Hetzner,
  server: Server,
  rules: PruneRules,
  context: JobContext,
): Promise<number[]> {
  const images = await hetzner.snapshots(serverSelector(server.id), context.signal)
  const plan = planSnapshots(images, server.id, rules, parts.clock.now())
  const removed: number[] = []
  for (const { copy, verdict, reasons } of plan) {
    if (verdict === 'keep') continue
    const image = images.find(one => String(one.id) === copy.id)
    if (!image || !(await remove(hetzner, server, image, context))) continue
    await parts.repository.store.delete(sheetKeyOf(server.name, image.created))
    const facts = { server: server.name, image: image.id, reasons: reasons.map(one => one.detail) }
    context.emit({ type: 'snapshot-removed', facts })
    removed.push(image.id)
  }
  await dropSheetsOfTheGone(parts, server, images)
  return removed
}

/** Asks once more right before: somebody may have put a label or a protection on it since the listing. */
async function remove(
  hetzner: Hetzner,
  server: Server,
  listed: Image,
  context: JobContext,
): Promise<boolean> {
  const image = await hetzner.image(listed.id, context.signal)
  if (image && (isHeld(image) || isWanted(image) || !isOurs(image, server.id))) return false
  if (image?.protection.delete) await hetzner.protectImage(image.id, false, context.signal)
  try {
    await hetzner.deleteImage(listed.id, context.signal)
    return true
  } catch (thrown) {
    const { code, message } = asFailure(thrown)
    if (code !== 'snapshot-protected') throw thrown
    context.emit({ type: 'snapshot-warning', facts: { server: server.name, message } })
    return false
  }
}

/** A crash between the two removals leaves a sheet. The newest one stays: it is how to make such a server anew. */
async function dropSheetsOfTheGone(
  { repository: { store } }: Parts,
  server: Server,
  images: readonly Image[],
) {
  const there = new Set(images.map(image => sheetKeyOf(server.name, image.created)))
  const sheets = await listSheets(store, server.name)
  for (const key of sheets.slice(0, -1)) if (!there.has(key)) await store.delete(key)
}
