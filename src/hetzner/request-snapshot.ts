// Asking for one snapshot, at most once: whatever the answer was or whether there was one, what Hetzner made of the request is
// looked for by its label before anything is asked again.
import type { Failure } from '../domain/errors.js'
import type { Clock } from '../sys/clock.js'
import type { Hetzner } from './client.js'
import { isLocked, isUnclear } from './errors.js'
import { isOurs, labelOf, labelsOf, type Marks, runSelector } from './marks.js'
import type { Action, Server } from './shapes.js'
import { actionEndedIfKnown, type Patience, poll, serverFree } from './wait.js'

export interface SnapshotRequest {
  server: Server
  marks: Marks
  description: string
  protect: boolean
}

export interface RequestLimits {
  clock: Clock
  signal: AbortSignal
  /** For another action to let the server go. */
  lockWaitMs: number
  /** For the snapshot to be whole. */
  deadlineMs: number
}

export interface Requested {
  image: number
  action: number | null
  /** The answer was lost; it was found by its label. */
  adopted: boolean
}

const TRIES = 3
const BETWEEN_TRIES_MS = 30_000
/** A snapshot that was asked for shows up within this, or was never made. */
const LOOK_MS = 300_000
/** Our clock and Hetzner's may differ by this much. */
const SKEW_MS = 600_000

/**
 * @throws Failure server-locked when it is not let go in time; snapshot-limit; what else the request is refused with.
 */
export async function requestSnapshot(
  hetzner: Hetzner,
  request: SnapshotRequest,
  limits: RequestLimits,
): Promise<Requested> {
  const { server, marks, protect, description } = request
  const { clock, signal } = limits
  const sinceMs = clock.now().getTime()
  const order = { description, labels: labelsOf(server, marks, protect) }
  const locks = { clock, signal, untilTicks: clock.ticks() + limits.lockWaitMs }
  for (let tries = 1; ; ) {
    try {
      const { image, action } = await hetzner.createSnapshot(server.id, order, signal)
      return { image: image.id, action: action.id, adopted: false }
    } catch (thrown) {
      if (isLocked(thrown)) {
        await letGo(hetzner, server.id, locks, thrown as Failure)
        continue
      }
      if (!isUnclear(thrown)) throw thrown
      const image = await findRequested(hetzner, server.id, { label: marks.label, sinceMs }, limits)
      if (image !== null) return { image, action: null, adopted: true }
      if (++tries > TRIES) throw thrown
      await clock.sleep(BETWEEN_TRIES_MS, signal)
    }
  }
}

async function letGo(hetzner: Hetzner, server: number, locks: Patience, refusal: Failure): Promise<void> {
  if (locks.clock.ticks() >= locks.untilTicks) throw refusal
  await locks.clock.sleep(10_000, locks.signal)
  await serverFree(hetzner, server, locks)
}

/**
 * What Hetzner made of a request whose answer nobody has: asked of the images by label, and of the server's actions, since an
 * image may be slow to appear in the listing. @returns null when it made nothing.
 */
export async function findRequested(
  hetzner: Hetzner,
  server: number,
  asked: { label: string; sinceMs: number },
  { clock, signal, deadlineMs }: Omit<RequestLimits, 'lockWaitMs'>,
): Promise<number | null> {
  const looking = { clock, signal, untilTicks: clock.ticks() + LOOK_MS }
  const nothing = new Error('nothing was made')
  const look = async (): Promise<number | null> => {
    const listed = await hetzner.snapshots(runSelector(asked.label), signal)
    const own = listed.find(image => isOurs(image, server))
    if (own) return own.id
    const begun = (await hetzner.serverActions(server, signal)).filter(action =>
      mayBeOurs(action, asked.sinceMs),
    )
    for (const action of begun) {
      const image = await imageOf(hetzner, action, signal)
      if (image && labelOf(image) === asked.label) return image.id
      if (image === null && action.status === 'running') {
        const patience = { clock, signal, untilTicks: clock.ticks() + deadlineMs }
        await actionEndedIfKnown(hetzner, action.id, patience).catch(whenFailed)
        return look()
      }
    }
    return null
  }
  return poll<number>(looking, () => nothing as Failure, look).catch((thrown: unknown) => {
    if (thrown === nothing) return null
    throw thrown
  })
}

/** An action that ended in an error made nothing, which is what is being asked. */
function whenFailed(thrown: unknown): void {
  if ((thrown as Failure).code !== 'snapshot-failed') throw thrown
}

const mayBeOurs = ({ command, status, started }: Action, sinceMs: number): boolean =>
  command === 'create_image' && status !== 'error' && Date.parse(started) >= sinceMs - SKEW_MS

async function imageOf(hetzner: Hetzner, { resources }: Action, signal: AbortSignal) {
  const id = resources.find(one => one.type === 'image')?.id
  return id === undefined ? null : hetzner.image(id, signal)
}
