// How a night of drills ended: who was proven, who was not and why, who was left out, and how much of the platform is covered.
import { Failure } from '../domain/errors.js'
import type { EventFacts } from '../domain/events.js'
import type { BackupId } from '../domain/ids.js'
import type { ProofRecord } from '../domain/records.js'
import type { SubjectId } from '../domain/subject.js'
import type { Coverage } from '../verify/drill-plan.js'
import type { ArchiveDrills } from './drill-archives.js'
import type { JobEnd } from './runner.js'

export interface DrillReport {
  passed: { subject: SubjectId; record: ProofRecord }[]
  failed: { subject: SubjectId; backup: BackupId; why: string }[]
  left: ({ subject: SubjectId } & EventFacts['drill-left-out'])[]
  coverage: Coverage
  archives: ArchiveDrills
}

export const emptyReport = (coverage: Coverage): DrillReport => ({
  passed: [],
  failed: [],
  left: [],
  coverage,
  archives: { passed: 0, failed: [], waiting: 0 },
})

/**
 * Partial when something failed, when the disk was too small for one, or when a proof is older than it may become.
 * @throws Failure when drills were tried and none passed.
 */
export function endOfDrills({ passed, failed, left, coverage, archives }: DrillReport): JobEnd {
  const facts = {
    passed: passed.length,
    failed: failed.length,
    leftOut: left.length,
    coveragePercent: coverage.percent,
    archivesPassed: archives.passed,
    archivesFailed: archives.failed.length,
  }
  const [first] = failed
  if (first && passed.length === 0) {
    const what = failed.length === 1 ? '' : `none of ${failed.length} backups is proven; `
    throw new Failure('proof-failed', `${what}${first.backup} of ${first.subject}: ${first.why}`, { facts })
  }
  const urgent = left.some(one => one.overdue || one.reason === 'disk')
  return { outcome: first || urgent || archives.failed.length > 0 ? 'partial' : 'succeeded', facts }
}
