// Worker threads: where their built files are, and how a failure crosses from one thread to another.
import { existsSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { asFailure, type ErrorCode, Failure } from '../domain/errors.js'

/**
 * The file `name` beside a built module. Threads can only run built code, so for a module that runs from its
 * TypeScript source the same place below dist/ is meant.
 */
export function builtFile(importMetaUrl: string, name: string): URL {
  const beside = new URL(name, importMetaUrl)
  if (!importMetaUrl.endsWith('.ts')) return beside
  const path = fileURLToPath(beside)
  const at = path.lastIndexOf('/src/')
  const built = `${path.slice(0, at)}/dist${path.slice(at)}`
  if (!existsSync(built))
    throw new Failure('unexpected', `${built} is not built`, { hint: 'type `npm run build`' })
  return pathToFileURL(built)
}

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
