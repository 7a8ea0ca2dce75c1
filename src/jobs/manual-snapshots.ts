// Snapshots by hand: one made now, which no schedule removes, and one removed on purpose.
import { Failure } from '../domain/errors.js'
import { MANUAL, MANUAL_LIMITS, type ServerOrder } from '../domain/snapshot-settings.js'
import { isHeld, isOurs, isWanted, serverSelector } from '../hetzner/marks.js'
import { sheetKeyOf } from '../repository/sheets.js'
import type { JobContext, Parts } from './parts.js'
import { type SnapshotReport, snapshotServer } from './snapshot-server.js'
import { hetznerOf } from './snapshot-servers.js'

export interface ManualRequest {
  server: string
  description: string | null
  /** By hand a server is shut down only for whoever says so, whatever its schedule does. */
  shutdown: boolean
}

/** Quiesced, bounded and protected as the schedule that names this server does it. */
export async function createSnapshot(
  parts: Parts,
  { server, description, shutdown }: ManualRequest,
  context: JobContext,
): Promise<SnapshotReport> {
  const scheduled = parts.config.schedules.flatMap(one => (one.job === 'snapshot-servers' ? [one] : []))
  const schedule = scheduled.find(one => one.servers.some(order => order.server === server))
  const own = schedule?.servers.find(one => one.server === server)
  const order: ServerOrder = { server, checkpoint: false, command: null, ...own, shutdown }
  const asked = {
    order,
    settings: schedule ?? MANUAL_LIMITS,
    schedule: MANUAL,
    description: description ?? `gmah-backup by hand of ${server}`,
    prune: null,
  }
  return snapshotServer(parts, hetznerOf(parts), asked, context)
}

/**
 * Removes one snapshot of ours and its sheet.
 * @throws Failure snapshot-unknown; snapshot-protected for one that is foreign, protected, marked `keep` or the newest of its server.
 */
export async function deleteSnapshot(
  parts: Parts,
  id: number,
  context: JobContext,
): Promise<{ image: number; server: string }> {
  const hetzner = hetznerOf(parts)
  const { signal } = context
  const image = await hetzner.image(id, signal)
  if (!image) throw new Failure('snapshot-unknown', `there is no snapshot ${id}`)
  const from = image.created_from
  if (!from || !isOurs(image, from.id)) throw new Failure('snapshot-protected', `snapshot ${id} is not ours`)
  if (isHeld(image) || isWanted(image))
    throw new Failure(
      'snapshot-protected',
      `snapshot ${id} is ${isHeld(image) ? 'protected' : 'marked keep'}`,
    )
  const whole = (await hetzner.snapshots(serverSelector(from.id), signal)).filter(
    one => isOurs(one, from.id) && one.status === 'available',
  )
  if (!whole.some(one => Date.parse(one.created) > Date.parse(image.created)))
    throw new Failure('snapshot-protected', `snapshot ${id} is the newest one of ${from.name}`, {
      hint: 'make another one first: `gmah-backup snapshot create SERVER`',
    })
  if (image.protection.delete) await hetzner.protectImage(id, false, signal)
  await hetzner.deleteImage(id, signal)
  await parts.repository.store.delete(sheetKeyOf(from.name, image.created))
  context.emit({
    type: 'snapshot-removed',
    facts: { server: from.name, image: id, reasons: ['asked for by hand'] },
  })
  return { image: id, server: from.name }
}
