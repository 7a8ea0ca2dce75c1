// Waiting for what Hetzner does in its own time: an action to end, an image to become available, a server to be let go.
import { Failure } from '../domain/errors.js'
import type { Clock } from '../sys/clock.js'
import type { Hetzner } from './client.js'
import { isNotFound } from './errors.js'
import type { Action, Image } from './shapes.js'

export interface Patience {
  clock: Clock
  signal: AbortSignal
  /** By `clock.ticks()`. */
  untilTicks: number
}

/** The official clients give up or poll too fast for what takes an hour. */
const POLL_MS = 10_000
/** An image may show up, and get its size, a little after its action ended. */
const SETTLE_MS = 120_000

/** Polls until `look` gives something. @throws Failure what `late` says when the patience is at its end. */
export async function poll<T>(
  { clock, signal, untilTicks }: Patience,
  late: () => Failure,
  look: () => Promise<T | null>,
): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== null) return found
    if (clock.ticks() >= untilTicks) throw late()
    await clock.sleep(POLL_MS, signal)
  }
}

/** @throws Failure snapshot-failed (or the given code) when it ends in an error, or not in time. */
export async function actionEnded(hetzner: Hetzner, id: number, patience: Patience): Promise<Action> {
  const late = () => new Failure('snapshot-failed', `action ${id} has not ended in time`)
  const ended = await poll(patience, late, async () => {
    const action = await hetzner.action(id, patience.signal)
    return action.status === 'running' ? null : action
  })
  if (ended.status === 'success') return ended
  const { code, message } = ended.error ?? { code: 'unknown_error', message: 'it says no more' }
  throw new Failure('snapshot-failed', `${ended.command} failed at Hetzner: ${message} (${code})`)
}

/** The image once it is whole. @throws Failure snapshot-failed when it is unusable, gone, or not ready in time. */
export async function imageReady(
  hetzner: Hetzner,
  id: number,
  patience: Patience,
): Promise<Image & { image_size: number }> {
  const goneAtTicks = patience.clock.ticks() + SETTLE_MS
  const late = () => new Failure('snapshot-failed', `snapshot ${id} is not available in time`)
  return poll(patience, late, async () => {
    const image = await hetzner.image(id, patience.signal)
    if (!image) {
      if (patience.clock.ticks() < goneAtTicks) return null
      throw new Failure('snapshot-failed', `snapshot ${id} is gone before it was available`)
    }
    if (image.status === 'unavailable')
      throw new Failure('snapshot-failed', `snapshot ${id} ended up unavailable`)
    const { image_size: size } = image
    return image.status === 'available' && size !== null && size > 0 ? { ...image, image_size: size } : null
  })
}

/** @throws Failure server-locked when another action still holds it at the end. */
export async function serverFree(hetzner: Hetzner, server: number, patience: Patience): Promise<void> {
  const late = () => new Failure('server-locked', `another action still holds the server ${server}`)
  await poll(patience, late, async () => {
    const { locked } = await hetzner.server(String(server), patience.signal)
    return locked ? null : true
  })
}

/** An action that Hetzner has forgotten says nothing of the image: the image itself is asked then. */
export async function actionEndedIfKnown(hetzner: Hetzner, id: number, patience: Patience): Promise<void> {
  try {
    await actionEnded(hetzner, id, patience)
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown
  }
}
