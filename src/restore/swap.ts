// Exchanges two databases under one name: closed, emptied, renamed, opened, in that order and as briefly as can be.
// Both renames are one transaction: the name is the old database's or the new one's, and never nobody's.
import type { PostgresConfig } from '../domain/configuration.js'
import { asFailure, Failure } from '../domain/errors.js'
import type { SwapFacts, SwapStep } from '../domain/restore-events.js'
import { type Session, withSession } from '../postgres/connection.js'
import { allowConnections, databaseOid, exchangeNames, terminateConnections } from '../postgres/databases.js'
import { connectionsTo, preparedTransactions } from '../postgres/occupancy.js'
import { maintenanceDatabase } from '../postgres/target.js'
import type { Clock } from '../sys/clock.js'
import { pausePooler } from './pooler.js'
import { type Prober, startProber } from './prober.js'
import { settleSwap } from './settle.js'

export interface SwapOptions {
  target: PostgresConfig
  clock: Clock
  /** Called right before the first step: what has begun is brought to one of its two ends. What it throws ends all of it. */
  begin(): void
  /** Writes down what is about to be done, before it is. */
  note(step: SwapStep): void
  /** The database that has the name, as it was when the restore began; null: there was none. */
  liveOid: string | null
}

export interface Swapped {
  downtimeMs: number | null
  refusals: number
  pausedMs: number | null
  endedConnections: number
  poolerProblem: Failure | null
}

/** Clients that come back faster than they are ended are waited for so long. */
const EMPTY_WITHIN_MS = 15_000
const LOOK_EVERY_MS = 10
const ACCEPTED_WITHIN_MS = 30_000

/**
 * Gives `incoming` the name `live`, and the database that had it the name `kept`, where nobody can connect to it.
 * @throws Failure swap-blocked, postgres-*: then `live` is what it was and takes connections, or, when the server itself
 * is away, is made so by the next start.
 */
export async function swapDatabases(names: SwapFacts, options: SwapOptions): Promise<Swapped> {
  const { target, clock, note } = options
  return withSession(target, maintenanceDatabase(target), {}, async session => {
    await assertReady(session, names, options)
    options.begin()
    await allowConnections(session, names.incoming, false)
    note('pause')
    const pooler = await pausePooler(target.pgbouncer, names.live, clock)
    const exchanged = await exchange(session, names, options).catch(asFailure)
    note('resume')
    const { pausedMs, problem } = await pooler.resume()
    if (exchanged instanceof Failure) throw exchanged
    return { ...exchanged, pausedMs, poolerProblem: problem }
  })
}

/** Everything that can be known to fail fails here, while nobody has noticed anything. */
async function assertReady(session: Session, { live }: SwapFacts, { liveOid }: SwapOptions): Promise<void> {
  if ((await databaseOid(session, live)) !== liveOid) {
    const what = liveOid === null ? 'has appeared meanwhile' : 'was renamed, dropped or replaced meanwhile'
    throw new Failure('swap-blocked', `the database ${live} ${what}: it is left as it is`, {
      hint: 'find out who works on it, then start the restore again',
    })
  }
  const prepared = liveOid === null ? [] : await preparedTransactions(session, live)
  if (prepared.length > 0) {
    throw new Failure(
      'swap-blocked',
      `${live} has ${prepared.length} prepared transactions, ${prepared[0]} is one`,
    )
  }
}

type Exchanged = Pick<Swapped, 'downtimeMs' | 'refusals' | 'endedConnections'>

async function exchange(session: Session, names: SwapFacts, options: SwapOptions): Promise<Exchanged> {
  const { target, clock, note } = options
  note('close')
  const closedTicks = clock.ticks()
  let prober: Prober | null = null
  try {
    if (names.kept !== null) {
      await allowConnections(session, names.live, false)
      prober = startProber(target, names.live, clock)
    }
    const endedConnections = await empty(session, names, clock)
    note('rename')
    await exchangeNames(session, names)
    const probe = await prober?.accepted(ACCEPTED_WITHIN_MS)
    const acceptedTicks = probe?.acceptedTicks ?? null
    return {
      endedConnections,
      refusals: probe?.refusals ?? 0,
      downtimeMs: acceptedTicks === null ? null : acceptedTicks - closedTicks,
    }
  } catch (thrown) {
    prober?.stop()
    return putRight(names, target, asFailure(thrown))
  }
}

/** On a connection of its own: ours may be what broke, and then only a look tells whether the renames were committed. */
async function putRight(names: SwapFacts, target: PostgresConfig, failure: Failure): Promise<Exchanged> {
  const settle = (session: Session) => settleSwap(session, names)
  const outcome = await withSession(target, maintenanceDatabase(target), {}, settle).catch(() => null)
  if (outcome !== 'swapped') throw failure
  return { endedConnections: 0, refusals: 0, downtimeMs: null }
}

/** @returns how many connections were ended. @throws Failure swap-blocked that names who stays. */
async function empty(session: Session, { live, incoming, kept }: SwapFacts, clock: Clock): Promise<number> {
  const databases = kept === null ? [incoming] : [incoming, live]
  const startedTicks = clock.ticks()
  let ended = 0
  for (;;) {
    const left = []
    for (const database of databases) {
      ended += await terminateConnections(session, database)
      left.push(...(await connectionsTo(session, database)))
    }
    if (left.length === 0) return ended
    if (clock.ticks() - startedTicks > EMPTY_WITHIN_MS) {
      const who = left.map(one => `${one.count} of ${one.user} (${one.application || one.client})`)
      throw new Failure('swap-blocked', `connections to ${live} do not end: ${who.join(', ')}`)
    }
    await clock.sleep(LOOK_EVERY_MS)
  }
}
