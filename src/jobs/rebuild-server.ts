// A server put back from its snapshot, from another machine: everything is checked before the disk is given up, and the person
// has typed the server's name and the snapshot's id.
import { Failure } from '../domain/errors.js'
import type { Hetzner } from '../hetzner/client.js'
import { isUnclear } from '../hetzner/errors.js'
import { type Here, sameServer, whereAmI } from '../hetzner/own-server.js'
import type { Action, Image, Server } from '../hetzner/shapes.js'
import { actionEnded, poll } from '../hetzner/wait.js'
import type { Outpost } from './list-snapshots.js'
import { hetznerOf } from './snapshot-servers.js'

/** As it was typed. */
export interface RebuildRequest {
  serverName: string
  image: string
}

export interface RebuildPlan {
  server: Server
  image: Image
  /** Nothing that forbids it, but worth a second thought. */
  warnings: string[]
}

const DAY_MS = 86_400_000
const OLD_DAYS = 8
const DEADLINE_MS = 90 * 60_000
const SKEW_MS = 600_000

/** @throws Failure hetzner-off, server-unknown, snapshot-unknown, rebuild-refused with the reason; nothing was changed. */
export async function planRebuild(
  outpost: Outpost,
  request: RebuildRequest,
  signal: AbortSignal,
  here?: Here,
): Promise<RebuildPlan> {
  const hetzner = hetznerOf(outpost)
  const server = await serverNamed(hetzner, request.serverName, signal)
  const image = /^\d+$/.test(request.image) ? await hetzner.image(Number(request.image), signal) : null
  if (image?.type !== 'snapshot')
    throw new Failure('snapshot-unknown', `there is no snapshot ${request.image}`)
  const own = sameServer(here ?? (await whereAmI(signal)), server)
  const reason = own === null ? refusalOf(server, image) : `it would be the server that this runs on: ${own}`
  if (reason !== null) throw refused(server, reason, own !== null)
  return { server, image, warnings: warningsOf(server, image, outpost.clock.now()) }
}

/** By its name only: an id in its place is no confirmation of which server is meant. */
async function serverNamed(hetzner: Hetzner, name: string, signal: AbortSignal): Promise<Server> {
  const hint =
    'is the server deleted? make a new one from the snapshot: restore-playbooks/vps-from-snapshot.md'
  if (/^\d+$/.test(name))
    throw new Failure('server-unknown', `type the name of the server, not its id ${name}`)
  try {
    return await hetzner.server(name, signal)
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'server-unknown')
      throw new Failure('server-unknown', thrown.message, { hint })
    throw thrown
  }
}

const refused = ({ name }: Server, reason: string, own: boolean): Failure =>
  new Failure('rebuild-refused', `${name} is not rebuilt: ${reason}`, {
    ...(own
      ? { hint: 'do it from another machine: only the store, an identity and the token are needed there' }
      : {}),
  })

/** Why Hetzner would refuse, in words; null when it would not. Pure. */
function refusalOf(server: Server, image: Image): string | null {
  if (image.status !== 'available') return `snapshot ${image.id} is ${image.status}`
  if (server.protection.rebuild)
    return 'it is protected against a rebuild; lift that in the console (server, Protection), which lifts the delete protection too'
  if (image.disk_size > server.primary_disk_size)
    return `the snapshot needs a disk of ${image.disk_size} GB, and it has ${server.primary_disk_size} GB`
  if (image.architecture !== server.server_type.architecture)
    return `the snapshot is of an ${image.architecture} machine, and it is ${server.server_type.architecture}`
  if (server.locked) return 'another action holds it: see its activities in the console and wait'
  return null
}

function warningsOf(server: Server, image: Image, now: Date): string[] {
  const days = Math.floor((now.getTime() - Date.parse(image.created)) / DAY_MS)
  const from = image.created_from
  return [
    `everything on the disk of ${server.name} (${server.public_net.ipv4?.ip ?? server.id}) will be gone`,
    ...(days > OLD_DAYS ? [`the snapshot is ${days} days old`] : []),
    ...(from && from.id !== server.id ? [`the snapshot is of another server, ${from.name}`] : []),
    ...(server.volumes.length > 0 ? [`the volumes ${server.volumes.join(', ')} stay as they are`] : []),
  ]
}

/** Rebuilds and waits until the server runs. @throws Failure snapshot-failed, server-locked, hetzner-* */
export async function rebuildServer(
  outpost: Outpost,
  { server, image }: RebuildPlan,
  signal: AbortSignal,
): Promise<{ server: string; ip: string | null; image: number; durationMs: number }> {
  const { clock } = outpost
  const hetzner = hetznerOf(outpost)
  const startedTicks = clock.ticks()
  const patience = { clock, signal, untilTicks: startedTicks + DEADLINE_MS }
  const action = await begin(hetzner, server, image, { sinceMs: clock.now().getTime() - SKEW_MS, signal })
  await actionEnded(hetzner, action.id, patience)
  const late = () => new Failure('snapshot-failed', `${server.name} is rebuilt, and does not start`)
  await poll(patience, late, async () => {
    const { status } = await hetzner.server(String(server.id), signal)
    return status === 'running' ? true : null
  })
  return {
    server: server.name,
    ip: server.public_net.ipv4?.ip ?? null,
    image: image.id,
    durationMs: Math.round(clock.ticks() - startedTicks),
  }
}

/** After an unclear answer the server's own actions tell whether it has begun. */
async function begin(
  hetzner: Hetzner,
  server: Server,
  image: Image,
  { sinceMs, signal }: { sinceMs: number; signal: AbortSignal },
): Promise<Action> {
  try {
    return await hetzner.rebuild(server.id, image.id, signal)
  } catch (thrown) {
    if (!isUnclear(thrown)) throw thrown
    const actions = await hetzner.serverActions(server.id, signal)
    const begun = actions.find(one => one.command === 'rebuild_server' && Date.parse(one.started) >= sinceMs)
    if (begun) return begun
    throw thrown
  }
}
