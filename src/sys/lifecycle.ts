// The process's life by signals: first drain, then interrupt, then go. SIGHUP rereads, and PM2 hears when we are ready.
import { Failure } from '../domain/errors.js'
import type { Clock } from './clock.js'

export interface Lifecycle {
  /** Fires at the first SIGINT or SIGTERM: start nothing new. */
  stopping: AbortSignal
  /** Fires when the drain budget is spent or at the second signal: end what runs. Its reason is a Failure `interrupted`. */
  interrupted: AbortSignal
  /** Tells the process manager, when there is one, that we serve. */
  ready(): void
  /** The same as a signal, for those who ask by other ways. */
  stop(reason: string): void
  /** Takes handlers and timers away; until then a stop in progress keeps the process alive. */
  close(): void
}

export interface LifecycleOptions {
  clock: Clock
  /** How long running work may go on after the first signal. */
  drainMs: number
  /** At SIGHUP. What it throws goes to `failed`. */
  reload(): void | Promise<void>
  /** Hears of a failed reload. */
  failed(error: unknown): void
}

/** Work that does not end this long after it was interrupted is left behind. */
const LAST_CALL_MS = 10_000
const EXIT_INTERRUPTED = 130

/** Installs the handlers for SIGINT, SIGTERM and SIGHUP. */
export function superviseProcess({ clock, drainMs, reload, failed }: LifecycleOptions): Lifecycle {
  const stopping = new AbortController()
  const interrupted = new AbortController()
  const pending = new AbortController()

  const after = (ms: number, call: () => void): void => {
    clock.sleep(ms, pending.signal).then(call, () => {})
  }
  const interrupt = (why: string): void => {
    if (interrupted.signal.aborted) return
    interrupted.abort(new Failure('interrupted', why))
    after(LAST_CALL_MS, () => process.exit(EXIT_INTERRUPTED))
  }
  const stop = (reason: string): void => {
    if (stopping.signal.aborted) {
      interrupt(`${reason}, for the second time`)
      return
    }
    stopping.abort(new Failure('interrupted', reason))
    after(drainMs, () =>
      interrupt(`${reason}, and the ${Math.round(drainMs / 1000)} seconds to finish are over`),
    )
  }
  const onSignal = (signal: NodeJS.Signals): void => stop(`stopped by ${signal}`)
  const onHangup = (): void => {
    // One turn later, so that a reload that throws at once is a rejection like any other.
    Promise.resolve().then(reload).catch(failed)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  process.on('SIGHUP', onHangup)
  return {
    stopping: stopping.signal,
    interrupted: interrupted.signal,
    ready: () => void process.send?.('ready'),
    stop,
    close: () => {
      pending.abort()
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
      process.off('SIGHUP', onHangup)
    },
  }
}
