// What time and circumstances make wrong without any event: late, too old, unreachable, about to run out. Asked at each tick.
import type { AlertsConfig } from '../../domain/alerts.js'
import type { ErrorFacts } from '../../domain/error-facts.js'
import type { Schedule } from '../../domain/schedule.js'
import type { SubjectId } from '../../domain/subject.js'
import type { Memory } from '../memory.js'
import { fullDisk, type MachineSighting, skewedClock } from './machine-rules.js'
import type { RuleId } from './rule-table.js'
import type { Trouble } from './signs.js'

/** What the daemon sees around it when it looks. */
export interface Sighting extends MachineSighting {
  schedules: readonly { schedule: Schedule; lastSuccessAt: Date | null }[]
  /** How old a proof may become; null: nothing makes proofs. */
  proofWindowMs: number | null
  store: { failure: Pick<ErrorFacts, 'code' | 'message'> | null; failingSince: Date | null }
  /** What only this machine can open; empty when all is held elsewhere too. */
  keysOnlyHere: readonly string[]
  /** Channels and heartbeats that could not be used. */
  channels: readonly {
    name: string
    kind: 'channel' | 'heartbeat'
    since: Date
    problem: string
    hint: string
  }[]
}

const DAY_MS = 86_400_000
/** A store that is away for less has hiccups. */
const STORE_PATIENCE_MS = 5 * 60_000
const EXPIRY_NOTICE_DAYS = 14
const EXPIRY_URGENT_DAYS = 3

/** Everything that stands wrong now. Pure. */
export function standing(memory: Memory, seen: Sighting, now: Date, config: AlertsConfig): Trouble[] {
  return [
    ...lateBackups(memory, seen, now),
    ...lateJobs(memory, seen, now),
    ...oldProofs(memory, seen, now),
    ...unreachableStore(seen, now),
    ...fullDisk(memory, seen, now, config),
    ...skewedClock(seen, now),
    ...expiries(now, config),
    ...seen.keysOnlyHere.map(what => trouble('key-only-here', what, now, { detail: what })),
    ...seen.channels.map(({ name, kind, since, problem, hint }) =>
      trouble(`${kind}-failing`, name, since, { cause: name, detail: problem, hint }),
    ),
  ]
}

/** The shortest window of the schedules that back every subject up; null when none does. */
export function backupWindowMs(seen: Sighting): number | null {
  const windows = seen.schedules
    .filter(({ schedule }) => schedule.job === 'backup-all')
    .map(({ schedule }) => schedule.freshnessWindowMs)
  return windows.length === 0 ? null : Math.min(...windows)
}

/** Subjects that are still on the server and have no backup inside the window. */
export function lateSubjects(
  memory: Memory,
  seen: Sighting,
  now: Date,
): { id: SubjectId; since: Date; last: string | null }[] {
  const window = backupWindowMs(seen)
  if (window === null) return []
  return Object.entries(memory.subjects).flatMap(([id, one]) => {
    const from = Date.parse(one.lastBackupAt ?? one.firstSeenAt)
    if (one.gone || now.getTime() - from <= window) return []
    return [{ id: id as SubjectId, since: new Date(from + window), last: one.lastBackupAt }]
  })
}

function lateBackups(memory: Memory, seen: Sighting, now: Date): Trouble[] {
  return lateSubjects(memory, seen, now).map(({ id, since, last }) => ({
    ...trouble('backup-late', id, since, { detail: last ?? '–' }),
    subject: id,
  }))
}

/** A schedule whose job did not succeed inside its window. The nights of known subjects are told subject by subject. */
function lateJobs(memory: Memory, seen: Sighting, now: Date): Trouble[] {
  const bySubject = Object.values(memory.subjects).some(one => !one.gone)
  return seen.schedules.flatMap(({ schedule, lastSuccessAt }) => {
    const { name, job, freshnessWindowMs } = schedule
    const known = memory.schedules[name]
    const from = lastSuccessAt ?? (known === undefined ? now : new Date(known))
    if ((job === 'backup-all' && bySubject) || now.getTime() - from.getTime() <= freshnessWindowMs) return []
    const since = new Date(from.getTime() + freshnessWindowMs)
    const detail = `${job}: ${lastSuccessAt?.toISOString() ?? '–'}`
    const severity = job === 'backup-all' ? ('critical' as const) : ('warning' as const)
    return [{ ...trouble('job-late', name, since, { cause: job, detail }), severity }]
  })
}

function oldProofs(memory: Memory, { proofWindowMs }: Sighting, now: Date): Trouble[] {
  if (proofWindowMs === null) return []
  return Object.entries(memory.subjects).flatMap(([id, one]) => {
    const from = Date.parse(one.lastProofAt ?? one.firstSeenAt)
    if (one.gone || now.getTime() - from <= proofWindowMs) return []
    const since = new Date(from + proofWindowMs)
    return [
      { ...trouble('proof-old', id, since, { detail: one.lastProofAt ?? '–' }), subject: id as SubjectId },
    ]
  })
}

function unreachableStore({ store }: Sighting, now: Date): Trouble[] {
  const { failure, failingSince } = store
  if (!failure || !failingSince || now.getTime() - failingSince.getTime() < STORE_PATIENCE_MS) return []
  const detail = `${failure.message} [${failure.code}]`
  return [trouble('store-unreachable', 'store', failingSince, { cause: failure.code, detail })]
}

function expiries(now: Date, config: AlertsConfig): Trouble[] {
  return config.expiries.flatMap(({ what, on }) => {
    const days = (on.getTime() - now.getTime()) / DAY_MS
    if (days > EXPIRY_NOTICE_DAYS) return []
    const since = new Date(on.getTime() - EXPIRY_NOTICE_DAYS * DAY_MS)
    const severity = days <= EXPIRY_URGENT_DAYS ? ('critical' as const) : ('warning' as const)
    const detail = `${what}: ${on.toISOString().slice(0, 10)}`
    return [{ ...trouble('expiry-near', what, since, { detail }), severity }]
  })
}

function trouble(
  rule: RuleId,
  scope: string,
  since: Date,
  { cause = rule, detail, hint = '' }: { cause?: string; detail: string; hint?: string },
): Trouble {
  return { rule, cause, scope, subject: null, since: since.toISOString(), detail, hint, run: null }
}
