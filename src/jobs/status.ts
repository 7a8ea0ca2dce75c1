// How the platform stands: every subject that has a database or a backup, with its windows. Reads the catalogue and the server.
import { monthlyCost } from '../domain/alerts.js'
import { asFailure, type Failure } from '../domain/errors.js'
import { type BackupId, instantMs } from '../domain/ids.js'
import type { SubjectId } from '../domain/subject.js'
import { verdictsOf } from '../domain/verdicts.js'
import type { CatalogueEntry } from '../repository/catalogue.js'
import type { CatalogueProof } from '../repository/catalogue-proofs.js'
import { expectedSeconds } from '../verify/drill-plan.js'
import { backupWindowMs, drillCandidates } from './drill-candidates.js'
import { keptDatabases, type PutAside, putAsideTotal } from './kept-databases.js'
import { look } from './list-tenants.js'
import type { Parts } from './parts.js'
import type { ScheduleStatus } from './scheduler.js'
import { judge, type SubjectFacts, type SubjectStatus, type Windows, worstFirst } from './status-judgement.js'
import { type ArchiveLayer, archiveLayer, type SnapshotLayer, snapshotLayer } from './status-layers.js'
import { type JudgedSchedule, judgeSchedules } from './status-schedules.js'
import { proofWindowMs } from './surroundings.js'

export interface PlatformStatus {
  at: Date
  windows: Windows
  /** Worst first. */
  subjects: SubjectStatus[]
  /** What kept this page from seeing everything: it then speaks of what the catalogue knows. */
  problems: Failure[]
  /** What all backups cost a month, by `alerts.digest`. */
  storedCost: { amount: number; currency: string }
  /** By restores in place; null when the server cannot be asked, or is not. */
  putAside: PutAside | null
  snapshots: SnapshotLayer
  archives: ArchiveLayer
  schedules: JudgedSchedule[]
}

/**
 * Asks the server who is there; one that is away is a problem on the page, not a reason to show none.
 * @param options.whole false: for who may not see the platform itself, and waits for no more than the tenants.
 */
export async function platformStatus(
  parts: Parts,
  statuses: readonly ScheduleStatus[],
  signal: AbortSignal,
  { whole = true }: { whole?: boolean } = {},
): Promise<PlatformStatus> {
  const now = parts.clock.now()
  const windows = { backupMs: backupWindowMs(parts.config), proofMs: proofWindowMs(parts.config.schedules) }
  const { problems, ...there } = await whoLives(parts, signal)
  const { living } = there
  // Its being away is a problem already.
  const putAside =
    whole && living ? await keptDatabases(parts, { signal }).then(putAsideTotal, () => null) : null
  const subjects = factsOf(parts, there).map(facts => judge(facts, windows, now.getTime()))
  const bytes = subjects.reduce((sum, one) => sum + one.storedBytes, 0)
  const price = parts.config.alerts.digest
  return {
    ...{ at: now, windows, subjects: subjects.sort(worstFirst), problems },
    storedCost: { amount: monthlyCost(bytes, price), currency: price.currency },
    putAside,
    snapshots: snapshotLayer(parts, statuses),
    archives: archiveLayer(parts, statuses, subjects),
    schedules: judgeSchedules(statuses, now),
  }
}

async function whoLives(parts: Parts, signal: AbortSignal): Promise<There & { problems: Failure[] }> {
  try {
    const { subjects, skipped, drift, problems } = await look(parts, signal)
    const amiss = drift.flatMap(one =>
      one.kind === 'tenant-without-database' || one.kind === 'tenant-not-covered' ? [one.database] : [],
    )
    return {
      living: new Set(subjects.map(one => one.id)),
      wanted: new Set(amiss),
      leftOut: new Map(skipped.map(one => [one.database, one.reason])),
      problems,
    }
  } catch (thrown) {
    return { ...NOBODY_KNOWS, problems: [asFailure(thrown)] }
  }
}

interface There {
  living: ReadonlySet<SubjectId> | null
  /** Databases that the platform's list names, and that are not there or left out. */
  wanted: ReadonlySet<string>
  /** Database → why it is no subject. */
  leftOut: ReadonlyMap<string, string>
}

const NOBODY_KNOWS: There = { living: null, wanted: new Set(), leftOut: new Map() }

function factsOf(parts: Parts, { living, wanted, leftOut }: There): SubjectFacts[] {
  const { catalogue } = parts
  const kept = catalogue.list()
  const candidates = new Map(drillCandidates(catalogue, kept).map(one => [one.subject, one]))
  const stored = new Map(catalogue.figures.stored().map(one => [one.subject, one.bytes]))
  const entries = grouped(kept, one => one.subject)
  const proofs = grouped(catalogue.proofs.ofKept(), one => one.backup)
  const all = [...candidates.values()]
  const subjects = new Set([...(living ?? []), ...candidates.keys()])
  return [...subjects].map(subject => {
    const candidate = candidates.get(subject)
    const database = entries.get(subject)?.[0]?.database ?? ''
    const there = living === null ? null : living.has(subject)
    return {
      subject,
      living: there,
      wanted: wanted.has(database),
      leftOut: there === false ? (leftOut.get(database) ?? null) : null,
      ...whatThereIs(entries.get(subject) ?? [], proofs),
      provenAtMs: candidate?.provenAtMs ?? null,
      storedBytes: stored.get(subject) ?? 0,
      expectedSeconds: candidate ? expectedSeconds(candidate, all) : null,
    }
  })
}

/** @param entries of one subject, newest first. */
function whatThereIs(
  entries: readonly CatalogueEntry[],
  proofs: ReadonlyMap<BackupId, CatalogueProof[]>,
): Pick<SubjectFacts, 'newest' | 'latest' | 'firstMs' | 'broken'> {
  const newest = entries.find(one => one.broken === null)
  const oldest = entries.at(-1)
  const broken = entries.flatMap(({ id, broken: why }) => {
    if (why !== null) return [{ id, level: 'read' as const }]
    const { failed } = verdictsOf(proofs.get(id) ?? [])
    return failed ? [{ id, level: failed.level }] : []
  })
  return {
    newest: newest ? { id: newest.id, instantMs: instantMs(newest.instant), bytes: newest.bytes } : null,
    latest: entries[0]?.id ?? null,
    firstMs: oldest ? instantMs(oldest.instant) : null,
    broken,
  }
}

function grouped<K, T>(all: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const one of all) {
    const group = groups.get(keyOf(one))
    if (group) group.push(one)
    else groups.set(keyOf(one), [one])
  }
  return groups
}
