// What the journal keeps of whom there is to back up, and of a server that is away; part of the one vocabulary in events.ts.
import type { ErrorFacts } from './error-facts.js'

/** Type of event → its facts. */
export interface SubjectEventFacts {
  'subject-skipped': { database: string; reason: string }
  drift: {
    kind:
      | 'tenant-without-database'
      | 'database-without-tenant'
      | 'inactive-tenant-with-database'
      | 'tenant-not-covered'
      | 'database-not-covered'
      | 'database-vanished'
    database: string
    tenant?: string
    status?: string
    /** Why nobody backs it up. */
    reason?: string
  }
  'discovery-problem': { error: ErrorFacts }
  /** A restore made them and never proved them; its run is not under way here. Left alone: it may be another machine's. */
  'schemas-left': { database: string; schemas: string[] }
  /** Told when the one wait for it begins that all subjects share, and when it is over: those that are left go on, or fail with it. */
  'server-away': { waitedMs: number; outcome: 'waiting' | 'back' | 'away'; error: ErrorFacts }
  /** A subject whose database is gone; nothing of it is removed before `heldUntil`. */
  'subject-departed': { since: string; heldUntil: string }
  /** So many databases vanished at once that it is taken for an accident: nobody is held to have departed. */
  'departures-doubted': { subjects: string[] }
}
