// Cancellation in one form: whatever aborted a signal becomes a Failure, and a deadline joins a caller's signal without leaking.
import { setMaxListeners } from 'node:events'
import { asFailure, Failure } from '../domain/errors.js'
import { deadline } from './clock.js'

/** Why the signal fired, as a Failure: its own when the reason is one, `interrupted` otherwise. */
export function interruption(signal: AbortSignal): Failure {
  if (signal.reason instanceof Failure) return signal.reason
  const failure = asFailure(signal.reason)
  if (failure.code !== 'unexpected') return failure
  return new Failure('interrupted', 'interrupted before the end', { cause: signal.reason })
}

/** @throws Failure interrupted (or the signal's own Failure) when the signal has fired. */
export function throwIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interruption(signal)
}

/** Many chunks on their way listen to one signal, and none keeps listening: node must not take that for a leak. */
export function expectManyListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal)
}

/**
 * Runs `call` with a signal that fires when the caller's does, or after `ms` with `late`.
 * Listeners go with the call: AbortSignal.any keeps one for each call on a long-lived signal.
 */
export async function withDeadline<T>(
  options: { ms: number; late: Failure; signal: AbortSignal | undefined },
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  throwIfInterrupted(options.signal)
  const controller = new AbortController()
  const limit = deadline(options.ms, options.late)
  const onCaller = () => controller.abort(options.signal?.reason)
  const onLate = () => controller.abort(options.late)
  options.signal?.addEventListener('abort', onCaller, { once: true })
  limit.signal.addEventListener('abort', onLate, { once: true })
  try {
    return await call(controller.signal)
  } catch (thrown) {
    if (controller.signal.aborted) throw interruption(controller.signal)
    throw thrown
  } finally {
    limit.clear()
    options.signal?.removeEventListener('abort', onCaller)
  }
}
