// What the weekly message says of the store: how much is in it, and what the next sweep would remove.
import { asFailure } from '../domain/errors.js'
import { subjectName } from '../domain/subject.js'
import { listSubjects } from '../repository/manifests.js'
import { findDepartures, lookWhoIsThere } from './departures.js'
import type { Parts } from './parts.js'
import { planSubject, policyOf, removalsOf } from './plan-subject.js'

export interface Week {
  /** Bytes stored for every backup there is. */
  storedBytes: number
  /** A line a subject: what would go; or why nobody can tell. Null: nothing is ever swept. */
  deletions: string[] | null
}

/** Subjects named one by one; the rest are counted. */
const NAMED = 10

/** Never throws for the store's sake: a week in which it is away is a week to be told of all the same. */
export async function weekOf(parts: Parts, signal: AbortSignal): Promise<Week> {
  const storedBytes = parts.catalogue.list().reduce((sum, one) => sum + one.newStoredBytes, 0)
  if (!parts.config.schedules.some(one => one.job === 'sweep')) return { storedBytes, deletions: null }
  try {
    return { storedBytes, deletions: await nextDeletions(parts, signal) }
  } catch (thrown) {
    const { code, message } = asFailure(thrown)
    return { storedBytes, deletions: [`? ${message} [${code}]`] }
  }
}

async function nextDeletions(parts: Parts, signal: AbortSignal): Promise<string[]> {
  const subjects = await listSubjects(parts.repository.store)
  const departures = await findDepartures(parts, subjects, await lookWhoIsThere(parts, signal), signal)
  const rules = { ...policyOf(parts.config.schedules), departures }
  const lines: string[] = []
  for (const subject of subjects) {
    const plan = await planSubject(parts, subject, rules, { open: false, signal })
    const removed = removalsOf(plan).length
    if (removed > 0) lines.push(`${subjectName(subject)}: ${removed}`)
  }
  return lines.length > NAMED ? [...lines.slice(0, NAMED), `… +${lines.length - NAMED}`] : lines
}
