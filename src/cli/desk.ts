// What a command works with, and how it runs: open what it needs, do it, print, close, exit with the right status.
import type { Command } from 'commander'
import type { AlertDesk } from '../domain/alerts.js'
import type { Config } from '../domain/configuration.js'
import { EXIT } from '../domain/errors.js'
import type { AuditVerdict } from '../jobs/audit.js'
import type { Errand } from '../jobs/errand.js'
import type { Journal } from '../jobs/journal.js'
import type { Run } from '../jobs/journal-rows.js'
import type { Outpost } from '../jobs/list-snapshots.js'
import type { JobContext, Parts, Watcher } from '../jobs/parts.js'
import type { PlaybookRuns } from '../jobs/playbook-runs.js'
import type { Question } from '../jobs/question.js'
import type { JobEnd, JobRequest } from '../jobs/runner.js'
import type { Scheduler } from '../jobs/scheduler.js'
import type { Tokens } from '../jobs/tokens.js'
import type { Clock } from '../sys/clock.js'
import type { AtDaemon } from './at-daemon.js'
import { processTerminal, showFailure, type Terminal } from './output.js'

export type DeskJob = Omit<JobRequest, 'trigger'>
export type DeskWork<T> = (context: JobContext) => Promise<JobEnd & { result: T }>

export interface Desk extends Parts {
  journal: Journal
  tokens: Tokens
  playbookRuns: PlaybookRuns
  playbooksFolder(): string
  /** Walks the audit's chain. @throws Failure audit-broken */
  verifyAudit(noted?: string): AuditVerdict
  /** Knows the schedules and starts nothing. */
  scheduler: Pick<Scheduler, 'status' | 'pause' | 'resume'>
  alerts: AlertDesk
  /**
   * Runs a job with its journal entry, its lock and this process's signals: here or, where the job says how and a daemon
   * runs, there. @throws what the work threw.
   */
  run<T>(job: DeskJob, work: DeskWork<T>, atDaemon?: AtDaemon<T>): Promise<T>
  /** Tells a run that the daemon is in to end, and waits until it has. @throws Failure run-elsewhere, cancel-too-late. */
  cancelRun(run: Run, reason: string | null): Promise<Run>
  /** What would be done, as the one who would do it says: here or, while a daemon runs, there. @throws Failure */
  question<Asked, Told>(question: Question<Asked, Told>, asked: Asked): Promise<Told>
  /** Does an errand, here or, while a daemon runs, there. @throws what it failed of. */
  errand<Asked, Told>(errand: Errand<Asked, Told>, asked: Asked, watch?: Watcher): Promise<Told>
  close(): Promise<void>
}

export interface GlobalOptions {
  config?: string
  identity?: string
  json?: boolean
  debug?: boolean
}

/** The signal fires when a person ends the command. */
export type OpenOutpost = Outpost & { signal: AbortSignal }

/** The doors out of the command line, given by cli.ts, so that commands stay testable. */
export interface Doors {
  clock: Clock
  loadConfig(path: string | undefined): Promise<{
    config: Config
    warnings: readonly { path: string; message: string; hint?: string; at?: string }[]
  }>
  describeConfig(config: Config): Promise<unknown>
  openDesk(options: GlobalOptions): Promise<Desk>
  /** The store, the keys and the token alone: no PostgreSQL, no state directory. */
  openOutpost(options: GlobalOptions): Promise<OpenOutpost>
  runDaemon(options: GlobalOptions): Promise<void>
}

/** Runs one command's work on a desk of its own and sets the exit status. */
export async function atDesk(
  doors: Doors,
  options: GlobalOptions,
  terminal: Terminal,
  work: (desk: Desk) => Promise<number | undefined>,
): Promise<void> {
  await reportFailure(terminal, async () => {
    const desk = await doors.openDesk(options)
    try {
      return await work(desk)
    } finally {
      await desk.close()
    }
  })
}

/** What a command has at hand: the desk, the terminal, and its own options beside those of all. */
interface Acting<Own> {
  desk: Desk
  terminal: Terminal
  options: GlobalOptions & Own
}

/** A command's action that works at the desk: as `atDesk`, with the options that were typed. */
export function act<Own = object>(
  doors: Doors,
  command: Command,
  work: (acting: Acting<Own>) => Promise<number | undefined>,
): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions & Own>()
  const terminal = processTerminal(options)
  return atDesk(doors, options, terminal, desk => work({ desk, terminal, options }))
}

/** @returns nothing; the exit status is the work's own, or the failure's. */
export async function reportFailure(
  terminal: Terminal,
  work: () => Promise<number | undefined>,
): Promise<void> {
  try {
    process.exitCode = (await work()) ?? EXIT.ok
  } catch (thrown) {
    process.exitCode = showFailure(terminal, thrown)
  }
}
