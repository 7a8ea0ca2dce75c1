// What the routes work with, given by the daemon: the house's own parts, nothing made for HTTP.
import type { Journal } from '../jobs/journal.js'
import type { Parts } from '../jobs/parts.js'
import type { PlaybookRuns } from '../jobs/playbook-runs.js'
import type { RestorePlans } from '../jobs/restore-plans.js'
import type { JobEnd, Runner } from '../jobs/runner.js'
import type { Scheduler } from '../jobs/scheduler.js'
import type { StartedOnce } from '../jobs/start-run.js'
import type { Tokens } from '../jobs/tokens.js'
import type { Week } from '../jobs/week.js'
import type { Clock } from '../sys/clock.js'

export interface Works {
  clock: Clock
  journal: Journal
  runner: Runner
  scheduler: Scheduler
  tokens: Tokens
  restorePlans: RestorePlans
  once: StartedOnce
  playbookRuns: PlaybookRuns
  playbooksFolder(): string
  /** For reading. */
  parts(): Parts
  /** For a run that starts now: keys may have been rotated under our feet. */
  freshParts(): Promise<Parts>
  /** Puts the week's message out. */
  sendDigest(week: Week): Promise<JobEnd>
  /** Fires when nothing new may start. */
  stopping: AbortSignal
  version: string
}

/** By which way a request came in. */
export type Door =
  /** A port: bearer tokens, limits. */
  | { kind: 'port'; requestsPerMinute: number }
  /** The socket of mode 0600: whoever can open it is the daemon's own user, or root. */
  | { kind: 'socket'; user: string }
