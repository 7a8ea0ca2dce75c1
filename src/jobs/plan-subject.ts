// The plan of one subject from what the store says of it now, and under which circumstances it is made.
import { Failure } from '../domain/errors.js'
import type { StoredEvent } from '../domain/events.js'
import { type BackupId, instantMs, type RunId } from '../domain/ids.js'
import { type RetentionPolicy, rulesFor } from '../domain/retention-policy.js'
import type { Schedule } from '../domain/schedule.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import { listManifests } from '../repository/manifests.js'
import { References } from '../repository/references.js'
import { readSayings, readStanding, type Standing } from '../repository/standing.js'
import { openTenantKey, type TenantKey } from '../repository/tenant-keys.js'
import type { Copy, Decision } from '../retention/copy.js'
import { type Circumstances, planRetention } from '../retention/plan.js'
import type { Departures } from './departures.js'
import type { Parts } from './parts.js'
import { refusedRemovals } from './refused-removals.js'

/** By what a sweep decides. */
export interface SweepRules {
  policy: RetentionPolicy
  /** IANA name. */
  zone: string
  departures: Departures
}

export interface SubjectPlan {
  subject: SubjectId
  key: TenantKey
  standing: Standing
  copies: Copy[]
  circumstances: Circumstances
  decisions: Decision[]
  /** What the manifests name. Empty when they were not opened. */
  references: References
  /** Why nobody can tell which chunks are needed; null when it can be told. */
  protectedBecause: string | null
}

const HOUR_MS = 3_600_000
/** Without a nightly schedule nobody knows how old the newest backup may be: a week and a day. */
const STALE_MS = 8 * 24 * HOUR_MS

/** The one policy. @throws Failure policy-missing when there is no schedule with `job: sweep`, or several. */
export function policyOf(schedules: readonly Schedule[]): Pick<SweepRules, 'policy' | 'zone'> {
  const sweeps = schedules.filter(schedule => schedule.job === 'sweep')
  const [only] = sweeps
  if (only && sweeps.length === 1) return { policy: only.policy, zone: only.timeZone }
  const what =
    sweeps.length === 0 ? 'no schedule says' : `${sweeps.map(one => one.name).join(' and ')} both say`
  throw new Failure('policy-missing', `${what} what is to be kept`)
}

/**
 * Plans one subject.
 * @param open false: manifests are named but not opened, unless a chunk is marked as damaged; one that is unreadable then
 * counts as sound, so this is for counting only, never for deleting.
 * @throws Failure store-*, key-*, object-corrupt when the subject's key cannot be used.
 */
export async function planSubject(
  parts: Parts,
  subject: SubjectId,
  rules: SweepRules,
  { open, signal }: { open: boolean; signal: AbortSignal },
): Promise<SubjectPlan> {
  const { store, keyring, transfers } = parts.repository
  const key = await openTenantKey(store, keyring, subject)
  const references = new References()
  const standing = await lookAt(open, store, key, {
    signal,
    transfers,
    onManifest: (name, manifest) => references.add(name.backup, manifest.chunks),
  })
  const copies = copiesOf(standing, refusedRemovals(parts.journal, subject))
  const circumstances = circumstancesOf(parts, subject, rules, copies)
  const decisions = planRetention(copies, circumstances)
  const protectedBecause = whyProtected(standing)
  return { subject, key, standing, copies, circumstances, decisions, references, protectedBecause }
}

/** The backups that the plan removes. */
export const removalsOf = ({ decisions }: SubjectPlan): BackupId[] =>
  decisions.filter(({ verdict }) => verdict === 'remove').map(({ copy }) => copy.id as BackupId)

/** The backups that only a lock keeps: each sweep tries them again. */
export const lockedOf = ({ decisions }: SubjectPlan): BackupId[] =>
  decisions
    .filter(one => one.verdict === 'keep' && one.wouldGo !== null)
    .map(({ copy }) => copy.id as BackupId)

async function lookAt(open: boolean, ...asked: Parameters<typeof readStanding>): Promise<Standing> {
  if (open) return readStanding(...asked)
  const [store, key, options] = asked
  const sayings = await readSayings(store, key, options)
  if (sayings.marked.size > 0) return readStanding(...asked)
  return { ...sayings, names: await listManifests(store, key.subject, options), broken: new Map() }
}

function whyProtected(standing: Standing): string | null {
  if (standing.names.length === 0) return 'there is no backup that could name what is needed'
  const unreadable = [...standing.broken].filter(([, { kind }]) => kind === 'unreadable')
  const [first] = unreadable
  if (!first) return null
  const more = unreadable.length > 1 ? ` and ${unreadable.length - 1} more` : ''
  return `the manifest of ${first[0]}${more} cannot be opened, so any chunk may be one of its own: ${first[1].message}`
}

function copiesOf(
  { names, pins, proofs, broken, doubtful }: Standing,
  refused: ReadonlyMap<BackupId, string>,
): Copy[] {
  return names.map(({ backup, instant, kind }) => {
    const pin = pins.get(backup)
    return {
      id: backup,
      instant: new Date(instantMs(instant)),
      kind,
      pin: pin ? `${pin.who}: ${pin.why}` : null,
      proven: proofs.has(backup),
      broken: broken.get(backup)?.kind ?? null,
      doubt: doubtful.get(backup) ?? null,
      locked: refused.get(backup) ?? null,
    }
  })
}

function circumstancesOf(
  parts: Parts,
  subject: SubjectId,
  rules: SweepRules,
  copies: readonly Copy[],
): Circumstances {
  const { policy, zone, departures } = rules
  const now = parts.clock.now()
  const since = departures.since.get(subject)
  const { holdMs, keep } = policy.departed
  return {
    now,
    zone,
    keep: rulesFor(policy, subjectName(subject)),
    minimum: policy.minimum,
    departed: since ? { since, holdMs, keep } : null,
    lastRunFailed: whyNothingGoes(parts, subject, rules, copies, now),
  }
}

/** Law 3: nothing is removed of a living subject whose last run failed, or of which nobody can tell. */
function whyNothingGoes(
  parts: Parts,
  subject: SubjectId,
  { departures }: SweepRules,
  copies: readonly Copy[],
  now: Date,
): string | null {
  if (departures.unknown !== null) return departures.unknown
  if (departures.doubted.includes(subject))
    return 'its database is gone with many others at once: an accident?'
  if (departures.since.has(subject)) return null
  const last = lastRun(parts, subject)
  if (last?.type === 'backup-failed') return `its run of ${last.at} failed`
  if (last?.type === 'backup-started') return `its run of ${last.at} has not ended`
  const newest = copies.find(copy => copy.broken === null)
  const windowMs = freshnessMs(parts)
  if (newest && now.getTime() - newest.instant.getTime() <= windowMs) return null
  return `it has no sound backup of the last ${Math.round(windowMs / HOUR_MS)} hours`
}

/** How the last run on it went. One that was refused because another run had the subject did nothing, and tells nothing. */
function lastRun({ journal }: Parts, subject: SubjectId): StoredEvent | null {
  const types = ['backup-started', 'backup-committed', 'backup-failed'] as const
  const refused = new Set<RunId | null>()
  let last = journal.lastEvent(subject, types)
  for (; last; last = journal.lastEvent(subject, types, last.seq)) {
    const busy = last.type === 'backup-failed' && last.facts.error.code === 'subject-busy'
    if (busy) refused.add(last.run)
    else if (last.type !== 'backup-started' || !refused.has(last.run)) break
  }
  return last
}

function freshnessMs({ config }: Parts): number {
  const windows = config.schedules
    .filter(schedule => schedule.job === 'backup-all')
    .map(schedule => schedule.freshnessWindowMs)
  return windows.length > 0 ? Math.max(...windows) : STALE_MS
}
