// What the journal keeps of runs: how they began, what asked for them, how they ended; part of the one vocabulary in events.ts.
import type { ErrorFacts } from './error-facts.js'
import type { SubjectId } from './subject.js'

export const TRIGGERS = ['schedule', 'catch-up', 'manual', 'api'] as const
export type Trigger = (typeof TRIGGERS)[number]

export const OUTCOMES = ['running', 'succeeded', 'partial', 'failed', 'interrupted', 'cancelled'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** Type of event → its facts. */
export interface RunEventFacts {
  'run-started': { job: string; trigger: Trigger; due: string | null }
  'run-finished': {
    job: string
    outcome: Exclude<Outcome, 'running' | 'interrupted' | 'cancelled'>
    durationMs: number
    error: ErrorFacts | null
  }
  'run-interrupted': { job: string; durationMs: number; error: ErrorFacts }
  /** Somebody asked it to end; how it ended is told by its end. */
  'run-cancel-asked': { who: string; reason: string | null }
  'run-cancelled': { job: string; durationMs: number; error: ErrorFacts }
  'run-missed': { job: string; schedule: string; due: string }
  'run-planned': { subjects: readonly SubjectId[] }
}
