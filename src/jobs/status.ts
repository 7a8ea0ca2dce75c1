// How the platform stands: every subject that has a database or a backup, with its windows. Reads the catalogue and the server.
import { asFailure, type Failure } from '../domain/errors.js'
import { instantMs } from '../domain/ids.js'
import type { Schedule } from '../domain/schedule.js'
import type { SubjectId } from '../domain/subject.js'
import { verdictsOf } from '../domain/verdicts.js'
import type { CatalogueEntry } from '../repository/catalogue.js'
import { type Candidate, expectedSeconds } from '../verify/drill-plan.js'
import { backupWindowMs, drillCandidates } from './drill-candidates.js'
import { look } from './list-tenants.js'
import type { Parts } from './parts.js'
import { judge, type SubjectFacts, type SubjectStatus, type Windows, worstFirst } from './status-judgement.js'

export interface PlatformStatus {
  at: Date
  windows: Windows
  /** Worst first. */
  subjects: SubjectStatus[]
  /** What kept this page from seeing everything: it then speaks of what the catalogue knows. */
  problems: Failure[]
}

/** Asks the server who is there; one that is away is a problem on the page, not a reason to show none. */
export async function platformStatus(parts: Parts, signal: AbortSignal): Promise<PlatformStatus> {
  const now = parts.clock.now()
  const windows = { backupMs: backupWindowMs(parts.config), proofMs: proofWindowMs(parts.config.schedules) }
  const { living, problems } = await whoLives(parts, signal)
  const subjects = factsOf(parts, living).map(facts => judge(facts, windows, now.getTime()))
  return { at: now, windows, subjects: subjects.sort(worstFirst), problems }
}

/** How old a proof may become, by the strictest schedule of drills; null when there is none. */
export function proofWindowMs(schedules: readonly Schedule[]): number | null {
  const windows = schedules.flatMap(one => (one.job === 'drill' ? [one.everyMs] : []))
  return windows.length === 0 ? null : Math.min(...windows)
}

async function whoLives(parts: Parts, signal: AbortSignal) {
  try {
    const { subjects, problems } = await look(parts, signal)
    return { living: new Set(subjects.map(one => one.id)), problems }
  } catch (thrown) {
    return { living: null, problems: [asFailure(thrown)] }
  }
}

function factsOf(parts: Parts, living: ReadonlySet<SubjectId> | null): SubjectFacts[] {
  const candidates = new Map(drillCandidates(parts.catalogue).map(one => [one.subject, one]))
  const all = [...candidates.values()]
  const subjects = new Set([...(living ?? []), ...candidates.keys()])
  return [...subjects].map(subject => {
    const entries = parts.catalogue.list({ subject })
    const isLiving = living === null ? null : living.has(subject)
    return subjectFacts(parts, {
      subject,
      living: isLiving,
      entries,
      candidate: candidates.get(subject),
      all,
    })
  })
}

interface Known {
  subject: SubjectId
  living: boolean | null
  /** Newest first. */
  entries: readonly CatalogueEntry[]
  candidate: Candidate | undefined
  all: readonly Candidate[]
}

function subjectFacts(parts: Parts, { subject, living, entries, candidate, all }: Known): SubjectFacts {
  const newest = entries.find(one => one.broken === null)
  const proofs = parts.catalogue.proofs.list({ subject })
  const broken = entries.flatMap(({ id, broken: why }) => {
    if (why !== null) return [{ id, level: 'read' as const }]
    const { failed } = verdictsOf(proofs.filter(one => one.backup === id))
    return failed ? [{ id, level: failed.level }] : []
  })
  return {
    subject,
    living,
    newest: newest ? { id: newest.id, instantMs: instantMs(newest.instant), bytes: newest.bytes } : null,
    latest: entries[0]?.id ?? null,
    firstMs: entries.length > 0 ? Math.min(...entries.map(one => instantMs(one.instant))) : null,
    provenAtMs: candidate?.provenAtMs ?? null,
    broken,
    storedBytes: entries.reduce((sum, one) => sum + one.newStoredBytes, 0),
    expectedSeconds: candidate ? expectedSeconds(candidate, all) : null,
  }
}
