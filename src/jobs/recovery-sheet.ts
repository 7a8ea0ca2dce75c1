// The recovery sheet of one snapshot, from what Hetzner says of server and image.
import { asFailure, Failure, isStop } from '../domain/errors.js'
import type { RecoverySheet } from '../domain/recovery-sheet.js'
import type { Hetzner } from '../hetzner/client.js'
import type { Image, Server } from '../hetzner/shapes.js'
import { putSheet } from '../repository/sheets.js'
import type { Outpost } from './list-snapshots.js'

export type WholeImage = Image & { image_size: number }

/** Asks what the sheet needs, stores it, and gives it with its key. */
export async function writeSheet(
  { repository, clock, tool }: Outpost,
  hetzner: Hetzner,
  { server, image, signal }: { server: Server; image: WholeImage; signal: AbortSignal },
): Promise<{ sheet: RecoverySheet; key: string }> {
  const keys = await hetzner.sshKeys(signal)
  const price = await hetzner.snapshotPrice(signal).catch(unlessInterrupted)
  const sheet: RecoverySheet = {
    format: 1,
    tool,
    at: clock.now().toISOString(),
    server: {
      ...serverOf(server),
      sshKeys: keys.map(({ public_key: publicKey, ...key }) => ({ ...key, publicKey })),
    },
    image: imageOf(image),
    price: price && { ...price, costPerMonth: Number((price.perGbMonth * image.image_size).toFixed(4)) },
    warnings: sheetWarnings(server),
  }
  return { sheet, key: await putSheet(repository, sheet) }
}

/** What a restore of a snapshot of this server does not bring back, or could not do. */
export function sheetWarnings({ name, volumes, protection }: Server): string[] {
  return [
    ...(volumes.length > 0
      ? [
          `the volumes ${volumes.join(', ')} of ${name} are not in its snapshots, which Hetzner cannot make of them`,
        ]
      : []),
    ...(protection.rebuild ? [`${name} is protected against a rebuild: lift that before a restore`] : []),
  ]
}

/** A sheet without its price is still a sheet. */
function unlessInterrupted(thrown: unknown): null {
  if (isStop(asFailure(thrown))) throw thrown
  if (thrown instanceof Failure && thrown.code.startsWith('hetzner-')) return null
  throw thrown
}

function serverOf(server: Server): Omit<RecoverySheet['server'], 'sshKeys'> {
  const { server_type: type, public_net: net, location } = server
  const address = (one: typeof net.ipv4) => one && { id: one.id ?? null, ip: one.ip }
  return {
    id: server.id,
    name: server.name,
    type: type.name,
    cores: type.cores,
    memoryGb: type.memory,
    diskGb: server.primary_disk_size,
    architecture: type.architecture,
    location: location.name,
    networkZone: location.network_zone,
    labels: server.labels,
    protection: server.protection,
    ipv4: address(net.ipv4),
    ipv6: address(net.ipv6),
    floatingIps: net.floating_ips,
    firewalls: net.firewalls.map(one => one.id),
    networks: server.private_net.map(one => ({
      id: one.network ?? null,
      ip: one.ip ?? null,
      aliasIps: one.alias_ips ?? [],
    })),
    placementGroup: server.placement_group
      ? { id: server.placement_group.id, name: server.placement_group.name }
      : null,
    volumes: server.volumes,
  }
}

const imageOf = (image: WholeImage): RecoverySheet['image'] => ({
  id: image.id,
  created: image.created,
  description: image.description,
  sizeGb: image.image_size,
  diskGb: image.disk_size,
  architecture: image.architecture,
  labels: image.labels,
})
