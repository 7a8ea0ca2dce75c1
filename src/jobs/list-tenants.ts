// What is on the server beside what is in the catalogue: for the night, for people, and for the page.
import { GLOBALS, type SubjectId } from '../domain/subject.js'
import { type Discovery, discover } from '../postgres/discover.js'
import type { Drift } from '../postgres/drift.js'
import type { CatalogueEntry } from '../repository/catalogue.js'
import type { Parts } from './parts.js'

export interface TenantsReport {
  subjects: { subject: SubjectId; database: string | null; newest: CatalogueEntry | null }[]
  skipped: Discovery['skipped']
  drift: Drift[]
  /** What kept the platform's list of tenants from being compared. */
  problems: string[]
}

/** @throws Failure when the server cannot be looked at. */
export function look(parts: Parts, signal: AbortSignal): Promise<Discovery> {
  const { postgres } = parts.config
  const { pattern, query } = postgres.tenants
  return discover(postgres, { pattern, query, master: postgres.master }, { signal })
}

/** Where the server, its list of tenants and the backups disagree. */
export const allDrift = (parts: Parts, discovery: Discovery): Drift[] => [
  ...discovery.drift,
  ...noLongerBackedUp(parts, discovery),
]

/** Databases that have backups and get none any more: gone from the server, or left out, which the list may have told. */
function noLongerBackedUp(parts: Parts, { subjects, skipped, drift }: Discovery): Drift[] {
  const present = new Set<SubjectId>(subjects.map(subject => subject.id))
  const reasons = new Map(skipped.map(one => [one.database, one.reason]))
  const told = new Set(drift.flatMap(one => (one.kind === 'tenant-not-covered' ? [one.database] : [])))
  return parts.catalogue
    .newestAtAll()
    .filter(entry => entry.subject !== GLOBALS && !present.has(entry.subject))
    .map(entry => entry.database ?? entry.subject)
    .filter(database => !told.has(database))
    .map((database): Drift => {
      const reason = reasons.get(database)
      return reason === undefined
        ? { kind: 'database-vanished', database }
        : { kind: 'database-not-covered', database, reason }
    })
}

/** @throws Failure when the server cannot be looked at. */
export async function listTenants(parts: Parts, signal: AbortSignal): Promise<TenantsReport> {
  const discovery = await look(parts, signal)
  const newest = new Map(parts.catalogue.newest().map(entry => [entry.subject, entry]))
  return {
    subjects: discovery.subjects.map(subject => ({
      subject: subject.id,
      database: subject.kind === 'globals' ? null : subject.database,
      newest: newest.get(subject.id) ?? null,
    })),
    skipped: discovery.skipped,
    drift: allDrift(parts, discovery),
    problems: discovery.problems.map(problem => problem.message),
  }
}
