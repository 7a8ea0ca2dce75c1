// Which tenants are test-restored tonight: a pure function of what is known of them, the budget and the clock.
// Guarantees an order by the age of the last try, the oldest first, so that nobody is put off for ever.
import type { BackupId } from '../domain/ids.js'
import type { SubjectId } from '../domain/subject.js'

/** One subject's newest backup, and what is known of earlier drills. */
export interface Candidate {
  subject: SubjectId
  backup: BackupId
  /** Length of its stream. */
  bytes: number
  /** When the subject was last restored for a proof, whatever came of it; and when that last passed. Null: never. */
  triedAtMs: number | null
  provenAtMs: number | null
  /** What its last passed drill took: load and comparison of so many bytes. Null: unknown. */
  measured: Measure | null
}

export interface Measure {
  bytes: number
  seconds: number
}

export interface Limits {
  nowMs: number
  budgetSeconds: number
  concurrency: number
  everyMs: number
}

export interface PlannedDrill extends Candidate {
  expectedSeconds: number
  /** The age of its proof is beyond `every`. */
  overdue: boolean
}

export interface DrillPlan {
  /** In the order in which they are begun. */
  chosen: PlannedDrill[]
  /** What the budget has no room for. */
  left: PlannedDrill[]
  /** From the first start to the last end, as expected. */
  expectedSeconds: number
}

/** Until something was measured: slow on purpose, so that a first night keeps its budget. */
const ASSUMED_BYTES_PER_SECOND = 10e6
/** What a drill costs whatever the size: a database made and dropped, a manifest opened. */
const OVERHEAD_SECONDS = 1

/**
 * The first one is always chosen: it has waited longest, and one that is larger than the whole budget would never be
 * proven otherwise. After it, whatever still ends within the budget.
 */
export function planDrills(candidates: readonly Candidate[], limits: Limits): DrillPlan {
  const fleet = fleetRate(candidates)
  const lanes = new Array<number>(limits.concurrency).fill(0)
  const plan: DrillPlan = { chosen: [], left: [], expectedSeconds: 0 }
  for (const candidate of candidates.toSorted(byLastTry)) {
    const expectedSeconds = expected(candidate, fleet)
    const planned = { ...candidate, expectedSeconds, overdue: isOverdue(candidate, limits) }
    const lane = lanes.indexOf(Math.min(...lanes))
    const end = (lanes[lane] ?? 0) + expectedSeconds
    if (plan.chosen.length > 0 && end > limits.budgetSeconds) {
      plan.left.push(planned)
      continue
    }
    lanes[lane] = end
    plan.chosen.push(planned)
  }
  return { ...plan, expectedSeconds: Math.max(...lanes) }
}

/** True when its last passed proof is older than it may become. */
export const isOverdue = (
  { provenAtMs }: Pick<Candidate, 'provenAtMs'>,
  { nowMs, everyMs }: Limits,
): boolean => provenAtMs === null || nowMs - provenAtMs > everyMs

export interface Coverage {
  subjects: number
  /** How many have a proof that is young enough. */
  proven: number
  /** 0 to 100, rounded down: 100 means all of them. */
  percent: number
  /** Age of the oldest newest proof, in days; null when one has none at all. */
  oldestDays: number | null
}

export function coverageOf(
  candidates: readonly Pick<Candidate, 'provenAtMs'>[],
  limits: Pick<Limits, 'nowMs' | 'everyMs'>,
): Coverage {
  const ages = candidates.map(one => (one.provenAtMs === null ? null : limits.nowMs - one.provenAtMs))
  const proven = ages.filter(age => age !== null && age <= limits.everyMs).length
  const known = ages.filter(age => age !== null)
  return {
    subjects: candidates.length,
    proven,
    percent: candidates.length === 0 ? 100 : Math.floor((100 * proven) / candidates.length),
    oldestDays: known.length < ages.length || known.length === 0 ? null : Math.max(...known) / 86_400_000,
  }
}

/** Never tried goes first, then by age; by name where that is equal, so that the order is total. */
function byLastTry(a: Candidate, b: Candidate): number {
  return (a.triedAtMs ?? 0) - (b.triedAtMs ?? 0) || (a.subject < b.subject ? -1 : 1)
}

/** The subject's own measure is the best guess, then what all of them together took. */
function expected({ bytes, measured }: Candidate, fleet: Measure | null): number {
  if (measured && measured.bytes > 0) return Math.max(OVERHEAD_SECONDS, scaled(measured, bytes))
  return OVERHEAD_SECONDS + (fleet ? scaled(fleet, bytes) : bytes / ASSUMED_BYTES_PER_SECOND)
}

/** What is small takes its seconds whatever its size, and says little of what is large: that takes no longer than assumed. */
function scaled({ bytes: measured, seconds }: Measure, bytes: number): number {
  const inProportion = (seconds * bytes) / measured
  if (bytes <= measured) return inProportion
  return Math.min(inProportion, seconds + (bytes - measured) / ASSUMED_BYTES_PER_SECOND)
}

/** The mean of everything that was measured; null when nothing was. */
function fleetRate(candidates: readonly Candidate[]): Measure | null {
  const measures = candidates.flatMap(one => (one.measured ? [one.measured] : []))
  const bytes = measures.reduce((sum, one) => sum + one.bytes, 0) / measures.length
  const seconds = measures.reduce((sum, one) => sum + one.seconds, 0) / measures.length
  return bytes > 0 ? { bytes, seconds } : null
}

/** The expected seconds of restoring `bytes` of one subject, for who plans a restore. */
export const expectedSeconds = (candidate: Candidate, all: readonly Candidate[]): number =>
  expected(candidate, fleetRate(all))
