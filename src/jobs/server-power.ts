// A server that is off while its snapshot is made: shut down only where that was asked, and started again whatever came of it.
// What the journal has of a shutdown without a start is owed: the next run, or the daemon's next start, makes up for it.
import { asFailure, Failure } from '../domain/errors.js'
import type { Hetzner } from '../hetzner/client.js'
import { isLocked } from '../hetzner/errors.js'
import { sameServer, whereAmI } from '../hetzner/own-server.js'
import type { Server } from '../hetzner/shapes.js'
import { poll, serverFree } from '../hetzner/wait.js'
import { throwIfInterrupted } from '../sys/interruption.js'
import type { JobContext, Parts } from './parts.js'

/** A system that has not shut down by then does not listen to its power button. */
const OFF_WITHIN_MS = 5 * 60_000
const ON_WITHIN_MS = 10 * 60_000
/** A snapshot that is being made holds the server for as long. */
const FREE_WITHIN_MS = 90 * 60_000
/** What was left off so long ago was seen to by somebody, or is no more. */
const OWED_WITHIN_MS = 30 * 86_400_000

type Named = Pick<Server, 'id' | 'name'>

/** @returns why it is not off, in words; null when it is. */
export async function shutDown(
  { clock }: Parts,
  hetzner: Hetzner,
  server: Server,
  { signal, emit }: JobContext,
): Promise<string | null> {
  const own = sameServer(await whereAmI(signal), server)
  if (own !== null)
    return `${server.name} was not shut down before its snapshot: it is the server that this runs on (${own})`
  emit({ type: 'server-shutdown', facts: { server: server.name, serverId: server.id } })
  try {
    await hetzner.shutDown(server.id, signal)
    const late = () => new Failure('server-locked', 'it still runs: is acpid or systemd-logind on it?')
    await poll({ clock, signal, untilTicks: clock.ticks() + OFF_WITHIN_MS }, late, async () => {
      const { status } = await hetzner.server(String(server.id), signal)
      return status === 'off' ? true : null
    })
    return null
  } catch (thrown) {
    throwIfInterrupted(signal)
    return `${server.name} did not shut down before its snapshot: ${asFailure(thrown).message}`
  }
}

/** Does the work, and starts the server when it is owed a start by then. @throws Failure server-left-off before what the work throws. */
export async function withServerBack<T>(
  parts: Parts,
  hetzner: Hetzner,
  server: Named,
  context: JobContext,
  work: () => Promise<T>,
): Promise<T> {
  let done: { result: T } | { thrown: unknown }
  try {
    done = { result: await work() }
  } catch (thrown) {
    done = { thrown }
  }
  const cause = 'thrown' in done ? done.thrown : undefined
  if (context.signal.aborted && owedSince(parts, server.id) !== null) throw leftOff(server, cause)
  await startIfOwed(parts, hetzner, server, context, cause)
  if ('thrown' in done) throw done.thrown
  return done.result
}

/** Every server that the journal has shut down and not started. */
export function serversLeftOff(parts: Pick<Parts, 'journal' | 'clock'>): Named[] {
  const owed = new Map<number, string>()
  for (const event of powerEvents(parts)) {
    const { serverId, server } = event.facts
    if (event.type === 'server-shutdown') owed.set(serverId, server)
    else owed.delete(serverId)
  }
  return [...owed].map(([id, name]) => ({ id, name }))
}

/** @throws Failure server-left-off, with what it was that kept it off as its cause. */
export async function startIfOwed(
  parts: Parts,
  hetzner: Hetzner,
  server: Named,
  { signal, emit }: JobContext,
  cause?: unknown,
): Promise<void> {
  const since = owedSince(parts, server.id)
  if (since === null) return
  try {
    await start(parts, hetzner, server, { since, signal })
  } catch (thrown) {
    throwIfInterrupted(signal)
    throw leftOff(server, cause ?? thrown)
  }
  const offMs = parts.clock.now().getTime() - since
  emit({ type: 'server-started', facts: { server: server.name, serverId: server.id, offMs } })
}

async function start(
  { clock }: Parts,
  hetzner: Hetzner,
  { id, name }: Named,
  { since, signal }: { since: number; signal: AbortSignal },
): Promise<void> {
  await serverFree(hetzner, id, { clock, signal, untilTicks: clock.ticks() + FREE_WITHIN_MS })
  const late = () => new Failure('server-locked', `${name} does not come up`)
  let wasOff = false
  await poll({ clock, signal, untilTicks: clock.ticks() + ON_WITHIN_MS }, late, async () => {
    const { status } = await hetzner.server(String(id), signal)
    if (status === 'off') {
      wasOff = true
      await hetzner.powerOn(id, signal).catch(unlessLocked)
    }
    // One that was asked a moment ago may still be on its way down.
    const settled = wasOff || clock.now().getTime() - since > OFF_WITHIN_MS
    return status === 'running' && settled ? true : null
  })
}

function owedSince(parts: Pick<Parts, 'journal' | 'clock'>, server: number): number | null {
  const last = powerEvents(parts).findLast(event => event.facts.serverId === server)
  return last?.type === 'server-shutdown' ? Date.parse(last.at) : null
}

function powerEvents({ journal, clock }: Pick<Parts, 'journal' | 'clock'>) {
  const since = clock.now().getTime() - OWED_WITHIN_MS
  return journal
    .eventsAbout(null, ['server-shutdown', 'server-started'])
    .flatMap(event => (event.type === 'server-shutdown' || event.type === 'server-started' ? [event] : []))
    .filter(event => Date.parse(event.at) > since)
}

function unlessLocked(thrown: unknown): void {
  if (!isLocked(thrown)) throw thrown
}

const leftOff = ({ name }: Named, cause: unknown): Failure =>
  new Failure('server-left-off', `${name} was shut down for its snapshot and is not running again`, { cause })
