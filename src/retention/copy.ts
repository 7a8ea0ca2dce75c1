// What a plan is made over and what it says: copies of one subject, and for each keep or remove with every reason.
import type { Period } from '../domain/retention-policy.js'

/** One copy of one subject: a backup, an archive or a snapshot. */
export interface Copy {
  /** Unique among the copies of a plan. */
  id: string
  /** Of the data. */
  instant: Date
  /** Which rule it falls under. */
  kind: string
  /** Why somebody wants it kept whatever the rules say; null when nobody does. */
  pin: string | null
  /** A restore of it was proven equal. */
  proven: boolean
  /** `damaged`: it names a bad chunk and may yet be healed. `unreadable`: nobody can tell what it is. */
  broken: 'damaged' | 'unreadable' | null
  /** Something about it that could not be read, and might say that it must be kept. */
  doubt: string | null
  /** What of the store or the provider refuses to let it go, for people; null when nothing is known to. */
  locked: string | null
}

export type KeepReason = {
  why:
    | Period
    | 'last'
    | 'within'
    | 'newest'
    | 'newest-proven'
    | 'minimum'
    | 'pin'
    | 'last-run-failed'
    | 'departed-hold'
    | 'no-rule'
    | 'future'
    | 'damaged'
    | 'unreadable'
    | 'doubt'
    | 'locked'
  /** For people. */
  detail: string
}

export type RemoveReason = {
  /** A newer one stands for its period; its period or number is past what is kept; too old; it cannot be restored as it is. */
  why: 'outranked' | 'beyond' | 'expired' | 'damaged'
  detail: string
}

export type Decision =
  | {
      copy: Copy
      verdict: 'keep'
      reasons: KeepReason[]
      /** Why it would go if it were not locked; null when anything else keeps it. */
      wouldGo: RemoveReason[] | null
    }
  | { copy: Copy; verdict: 'remove'; reasons: RemoveReason[] }

/** Why a copy is to go, whether a lock holds it or not; null when it is to stay. */
export const reasonsToGo = (decision: Decision): RemoveReason[] | null =>
  decision.verdict === 'remove' ? decision.reasons : decision.wouldGo

/** Newest first; two of one instant by their ids, so that the order is total. */
export const newestFirst = (a: Copy, b: Copy): number =>
  b.instant.getTime() - a.instant.getTime() || (a.id < b.id ? 1 : -1)
