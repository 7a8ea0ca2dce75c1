// What is on the server beside what is in the catalogue: for people, and for the page.
import { GLOBALS, globalsSubject, type SubjectId } from '../domain/subject.js'
import { discover, driftText } from '../postgres/discover.js'
import type { CatalogueEntry } from '../repository/catalogue.js'
import type { Parts } from './parts.js'

export interface TenantsReport {
  subjects: { subject: SubjectId; database: string | null; newest: CatalogueEntry | null }[]
  skipped: { database: string; reason: string }[]
  drift: string[]
}

/** @throws Failure when the server cannot be looked at. */
export async function listTenants(parts: Parts, signal: AbortSignal): Promise<TenantsReport> {
  const discovery = await discover(parts.config.postgres, { signal })
  const newest = new Map(parts.catalogue.newest().map(entry => [entry.subject, entry]))
  const present = [...discovery.subjects, globalsSubject()]
  const ids = new Set(present.map(subject => subject.id))
  const vanished = [...newest.values()].filter(entry => !ids.has(entry.subject) && entry.subject !== GLOBALS)
  return {
    subjects: present.map(subject => ({
      subject: subject.id,
      database: subject.kind === 'globals' ? null : subject.database,
      newest: newest.get(subject.id) ?? null,
    })),
    skipped: discovery.skipped,
    drift: [
      ...discovery.drift.map(driftText),
      ...vanished.map(entry => `${entry.database} has backups, but is no longer on the server`),
    ],
  }
}
