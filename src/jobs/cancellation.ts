// Runs of this process that somebody may cancel: each until it says that from here on it brings its work to an end.
import { Failure } from '../domain/errors.js'
import type { RunId } from '../domain/ids.js'
import { throwIfInterrupted } from '../sys/interruption.js'
import type { Run } from './journal-rows.js'

/** Who asks a run to end, and why. */
export interface Canceller {
  who: string
  reason: string | null
}

interface Open {
  stop: AbortController
  /** What it has begun to finish; null while it can still be cancelled. */
  finishing: string | null
  ended: Promise<unknown>
}

/** A run as the runner sees it. */
export interface Cancellable {
  /** Fires when it is cancelled, with a Failure as its reason. */
  signal: AbortSignal
  /** See RunContext.finish. */
  finish(what: string, signal: AbortSignal): void
  close(): void
}

export interface Cancellations {
  open(run: RunId): Cancellable
  /** Whether the run is one of this process. */
  knows(run: RunId): boolean
  /**
   * Tells a run to end, once; asked again, nothing more happens.
   * @param note is called before it is told, unless it was told already; what it throws is thrown, and the run ends.
   * @returns what resolves when it is over.
   * @throws Failure cancel-too-late
   */
  cancel(run: RunId, by: Canceller, note: () => void): Promise<unknown>
}

export function createCancellations(): Cancellations {
  const runs = new Map<RunId, Open>()
  return {
    open: run => {
      let end = (): void => {}
      const ended = new Promise<void>(resolve => {
        end = resolve
      })
      const one: Open = { stop: new AbortController(), finishing: null, ended }
      runs.set(run, one)
      return {
        signal: one.stop.signal,
        finish: (what, signal) => {
          throwIfInterrupted(signal)
          one.finishing = what
        },
        close: () => {
          runs.delete(run)
          end()
        },
      }
    },
    knows: run => runs.has(run),
    cancel: (run, by, note) => {
      const one = runs.get(run)
      if (!one) return Promise.resolve()
      if (one.finishing !== null)
        throw new Failure('cancel-too-late', `the run ${run} cannot be cancelled any more: ${one.finishing}`)
      if (!one.stop.signal.aborted) {
        try {
          note()
        } finally {
          // Where a full disk lets nothing be noted, a restore that fills it must end all the more.
          one.stop.abort(cancelled(by))
        }
      }
      return one.ended
    },
  }
}

/** @throws Failure cancel-too-late when it had come to another end first. */
export function assertCancelled({ id, outcome }: Pick<Run, 'id' | 'outcome'>): void {
  if (outcome === 'cancelled') return
  throw new Failure('cancel-too-late', `the run ${id} had come to its end: ${outcome}`)
}

const cancelled = ({ who, reason }: Canceller): Failure =>
  new Failure('cancelled', `cancelled by ${who}${reason === null ? '' : `: ${reason}`}`)
