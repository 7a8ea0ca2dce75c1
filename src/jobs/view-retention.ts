// What the policy would do now, and why: for people, before anything is done. Reads and removes nothing.
import { asFailure, Failure } from '../domain/errors.js'
import { type SubjectId, subjectName } from '../domain/subject.js'
import { listSubjects } from '../repository/manifests.js'
import type { Decision } from '../retention/copy.js'
import { askFuse, type FuseVerdict } from '../retention/fuse.js'
import { nextRemoval } from '../retention/next-removal.js'
import { findDepartures, type Presence } from './departures.js'
import type { Parts } from './parts.js'
import { planSubject, policyOf, removalsOf } from './plan-subject.js'

export interface RetentionView {
  subjects: SubjectView[]
  /** What cannot be planned, each with why. */
  problems: { subject: SubjectId; failure: Failure }[]
  verdict: FuseVerdict
}

export interface SubjectView {
  subject: SubjectId
  decisions: Decision[]
  remove: number
  /** Stored bytes that only the removed backups need. */
  freedBytes: number
  /** Null: none within 400 days. */
  nextRemoval: Date | null
  /** Why no chunk will be deleted; null when nothing is in the way. */
  protectedBecause: string | null
}

/**
 * @param present who is on the server; see `lookWhoIsThere`.
 * @param only one subject; null for all.
 * @throws Failure policy-missing, backup-unknown for a subject without backups, store-*.
 */
export async function viewRetention(
  parts: Parts,
  present: Presence,
  only: SubjectId | null,
  signal: AbortSignal,
): Promise<RetentionView> {
  const rules = policyOf(parts.config.schedules)
  const all = await listSubjects(parts.repository.store)
  if (only !== null && !all.includes(only)) {
    throw new Failure('backup-unknown', `there is no backup of ${subjectName(only)} in the store`)
  }
  // All are asked for whichever is shown: how many vanished at once decides what is believed.
  const departures = await findDepartures(parts, all, present, signal)
  const view: Omit<RetentionView, 'verdict'> = { subjects: [], problems: [] }
  for (const subject of only === null ? all : [only]) {
    try {
      const plan = await planSubject(parts, subject, { ...rules, departures }, { open: true, signal })
      const removed = removalsOf(plan)
      view.subjects.push({
        subject,
        decisions: plan.decisions,
        remove: removed.length,
        freedBytes: plan.references.bytesOnlyIn(removed),
        nextRemoval: nextRemoval(plan.copies, plan.circumstances),
        protectedBecause: plan.protectedBecause,
      })
    } catch (thrown) {
      const failure = asFailure(thrown)
      if (failure.code.startsWith('store-')) throw thrown
      view.problems.push({ subject, failure })
    }
  }
  const counts = view.subjects.map(({ subject, decisions, remove }) => ({
    subject,
    of: decisions.length,
    remove,
  }))
  return { ...view, verdict: askFuse(counts, rules.policy.fuse) }
}
