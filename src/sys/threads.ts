// Worker threads: where their built files are, and how a failure crosses from one thread to another.
import { Worker } from 'node:worker_threads'
import { asFailure, type ErrorCode, Failure } from '../domain/errors.js'

/** Starts a thread with a small heap: what is large there lives outside it, in buffers. */
export function startThread(file: URL, data: unknown): Worker {
  return new Worker(file, {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 8 },
  })
}

/** A failure as plain data, since a class does not survive the way between threads. */
export interface FailureMessage {
  code: ErrorCode
  message: string
  hint: string
  facts: Record<string, unknown>
}

export function failureMessage(thrown: unknown): FailureMessage {
  const { code, message, hint, facts } = asFailure(thrown)
  return { code, message, hint, facts }
}

export function failureFrom(message: FailureMessage): Failure {
  return new Failure(message.code, message.message, { hint: message.hint, facts: message.facts })
}
