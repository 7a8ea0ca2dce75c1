// What a restore in place, and its undoing, are asked and what they say: plain data for the command line and the API.
import type { Manifest } from '../domain/manifest.js'
import type { SubjectId } from '../domain/subject.js'
import type { Proof } from '../verify/proof.js'
import type { PassedOver } from './choose-backup.js'
import type { PlanProblem } from './restore-plan.js'

export interface InPlaceRequest {
  subject: SubjectId
  /** `latest`, a backup id or its beginning, or an instant (the newest not after it). */
  backup: string
  /** Missing roles are created from the globals backup. */
  withRoles: boolean
  /** Why no safety copy of what is there now is made first; null: one is made. */
  withoutSafetyCopy: string | null
}

export interface SwapOutcome {
  /** The tenant's database. */
  database: string
  /** What the database that was replaced is called now; null when there was none. `restore undo <run>` swaps it back. */
  kept: string | null
  /** ISO 8601: when the sweep may drop it; null when nothing was kept. */
  keptUntil: string | null
  /** From closing the database to the first connection that it took again, as a prober saw it; null when it was gone before, or could not be measured. */
  downtimeMs: number | null
  /** How long PgBouncer held its clients; null when none is configured, or it could not be paused. */
  pausedMs: number | null
  endedConnections: number
  /** PgBouncer did not do as it was told; the swap is done all the same. */
  poolerProblem: PlanProblem | null
}

export interface InPlaceReport extends SwapOutcome {
  manifest: Manifest
  /** The backup of what was there; null when it was gone, or not wanted. */
  safetyCopy: Manifest | null
  createdRoles: string[]
  /** Newer backups that turned out to be broken. */
  passedOver: PassedOver[]
  proof: Proof
  /** What load and proof took. */
  loadSeconds: number
}
